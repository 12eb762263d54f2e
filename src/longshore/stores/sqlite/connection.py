"""One SQLite connection: how it is opened, waits for its turn, and tells what went wrong."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final, TypeVar

from longshore.dice import between
from longshore.errors import LongshoreError, SchemaError, StoreError, StoreFull, StoreUnavailable

T = TypeVar("T")

#: How long a call waits for other processes before it gives up.
PATIENCE: Final = 30.0
_FIRST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.01


class _Busy(Exception):
    """Another connection is writing; worth trying again."""


def connect(path: str, synchronous: str) -> sqlite3.Connection:
    """A connection without Python's implicit transactions; any thread may use it, one at a time."""
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        # No waiting inside SQLite: its sleeps grow to 100 ms and are the same for everybody. `patiently` waits.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if synchronous == 'normal' else 'FULL'}")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def patiently(path: str, work: Callable[[], T], patience: float | None = None) -> T:
    """Do ``work``; again while the database is locked, after short random pauses; StoreUnavailable after 30 s."""
    patience = PATIENCE if patience is None else patience
    deadline = None
    pause = _FIRST_PAUSE
    while True:
        try:
            return guarded(path, work)
        except _Busy as busy:
            now = time.monotonic()
            deadline = now + patience if deadline is None else deadline
            if now >= deadline:
                raise StoreUnavailable(
                    f"{path!r} stayed locked by another program for {patience:.0f} s\n"
                    "a forgotten transaction in a shell or a debugger, perhaps; find who has it open with: fuser -v FILE"
                ) from busy.__cause__
        time.sleep(between(0.5, 1.0) * pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def guarded(path: str, work: Callable[[], T]) -> T:
    """Do ``work``, raising what SQLite raises as an error of ours."""
    try:
        return work()
    except sqlite3.Error as error:
        raise translated(path, error) from error


def translated(path: str, error: sqlite3.Error) -> Exception:
    """Our error for SQLite's, by its primary result code."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return _Busy()
    return _lasting(path, code, error)


def _lasting(path: str, code: int, error: sqlite3.Error) -> LongshoreError:
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(
            f"no room left on the disk of {path!r}; what was not acknowledged was not stored\n"
            "make room and try again: nothing else is needed"
        )
    if code == sqlite3.SQLITE_NOTADB:
        return SchemaError(
            f"{path!r} is not a SQLite database (or is encrypted)\nname another file in the URL"
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return SchemaError(
            f"{path!r} is damaged: {error}\nsave a copy of it and its -wal, then: sqlite3 FILE .recover | sqlite3 NEW"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return StoreUnavailable(f"{path!r} cannot be used: {error}\ncheck its folder, its owner and the disk")
    return StoreError(f"{path!r}: {error}")


def busy_message(path: str, error: sqlite3.Error) -> Exception:
    """As `translated`, for a caller's connection: there nobody tries again for him."""
    found = translated(path, error)
    if isinstance(found, _Busy):
        return StoreUnavailable(
            f"{path!r} is locked by another transaction: {error}\n"
            "begin yours with BEGIN IMMEDIATE, so that it waits for its turn before it reads"
        )
    return found
