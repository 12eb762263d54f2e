"""The outbox table in a SQLite file of the caller's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, TypeVar

import msgspec

from longshore.callers import Call, Caller, Refused, Steps
from longshore.model import JobRecord
from longshore.outbox.record import packed
from longshore.outbox.shelf import Backlog, Row
from longshore.stores.sqlite import location, visiting
from longshore.stores.sqlite.connection import connect, patiently

T = TypeVar("T")

_NOW: Final = "(julianday('now') - 2440587.5) * 86400.0"
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS longshore_outbox (\n"
    "  id TEXT PRIMARY KEY,\n"
    "  job BLOB NOT NULL,\n"
    "  moved INTEGER NOT NULL DEFAULT 0,\n"
    f"  created_at REAL NOT NULL DEFAULT ({_NOW})\n"
    ") WITHOUT ROWID"
)
_FIND: Final = "SELECT 1 FROM sqlite_master WHERE name = 'longshore_outbox'"
#: most rows of one statement
_ROWS: Final = 64


class SqliteShelf:
    """`shelf.Shelf` in one file, whose journal mode and other settings stay the caller's."""

    def __init__(self, url: str) -> None:
        self._location = location.parse(url)
        self.url = url
        self._fresh()

    def _fresh(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    # -- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """See `shelf.Shelf.open`."""
        with self._lock:
            if self._connection is None:
                path = self._location.path
                location.prepare(path)
                connection = patiently(path, lambda: connect(path, self._location.synchronous))
                try:
                    patiently(path, lambda: _make(connection))
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection

    def close(self) -> None:
        """See `shelf.Shelf.close`."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def forked(self) -> None:
        """See `shelf.Shelf.forked`."""
        import ctypes

        if self._connection is not None:  # never touched again, not even to close it when the child ends
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
        self._fresh()

    def plan(self) -> list[str]:
        """See `shelf.Shelf.plan`."""
        return [_TABLE]

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            self.open()
            connection = self._connection
            assert connection is not None
            return patiently(self._location.path, lambda: work(connection))

    # -- in the caller's transaction ---------------------------------------------------------------------------------

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `shelf.Shelf.join`."""
        path = self._location.path
        try:
            yield from visiting.checked(caller, path, "the outbox", "outbox=")
            if self._connection is None and not (yield Call(_FIND, ())):
                yield Call(_TABLE, ())  # by the caller: while he writes, nobody else can
        except Refused as error:
            raise visiting.told(path, error) from error.__cause__
        return (yield from self.adding(jobs))

    def adding(self, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `shelf.Shelf.adding`."""
        try:
            if len(jobs) > _ROWS:
                return (yield from visiting.whole(_inserts(jobs), "longshore_outbox"))
            yield _insert(jobs)
        except Refused as error:
            raise visiting.told(self._location.path, error) from error.__cause__
        return list(jobs)

    def looking(self, ids: Sequence[str]) -> Call:
        """See `shelf.Shelf.looking`."""
        text = "SELECT id, job FROM longshore_outbox WHERE id IN (SELECT value FROM json_each(?))"
        return Call(text, (_json(ids),))

    def dropping(self, ids: Sequence[str]) -> Call:
        """See `shelf.Shelf.dropping`."""
        return Call(
            "DELETE FROM longshore_outbox WHERE id IN (SELECT value FROM json_each(?))", (_json(ids),)
        )

    # -- moving ------------------------------------------------------------------------------------------------------

    def take(self, limit: int, add: Callable[[list[Row]], object]) -> list[Row]:
        """See `shelf.Shelf.take`.

        Nothing is locked meanwhile: the one write lock of the file would hold up the caller as long as the store is away.
        Two movers may take the same rows, which the store, by their ids, and the fence of the change that lets them run
        make one.
        """
        text = "SELECT id, job, moved FROM longshore_outbox ORDER BY id LIMIT ?"
        rows = self._do(
            lambda own: [Row(i, job, moved == 1) for i, job, moved in own.execute(text, (limit,)).fetchall()]
        )
        if rows:
            add(rows)
            fresh = _json([row.id for row in rows if not row.moved])
            mark = "UPDATE longshore_outbox SET moved = 1 WHERE id IN (SELECT value FROM json_each(?))"
            self._do(lambda own: own.execute(mark, (fresh,)))
        return rows

    def drop(self, ids: Sequence[str]) -> None:
        """See `shelf.Shelf.drop`."""
        call = self.dropping(ids)
        self._do(lambda own: own.execute(call.text, call.values))

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """See `shelf.Shelf.get`."""
        call = self.looking(ids)
        return self._do(lambda own: dict(own.execute(call.text, call.values).fetchall()))

    def backlog(self) -> Backlog:
        """See `shelf.Shelf.backlog`."""
        text = f"SELECT count(*), coalesce({_NOW} - min(created_at), 0.0) FROM longshore_outbox"  # noqa: S608
        count, oldest = self._do(lambda own: own.execute(text).fetchone())
        return Backlog(count, max(0.0, oldest))


def _make(connection: sqlite3.Connection) -> None:
    if connection.execute(_FIND).fetchone() is None:
        connection.execute(_TABLE)


def _insert(jobs: Sequence[JobRecord]) -> Call:
    places = ", ".join(["(?, ?)"] * len(jobs))
    values = list(chain.from_iterable((job.id, packed(job)) for job in jobs))
    return Call(f"INSERT INTO longshore_outbox (id, job) VALUES {places}", values)  # noqa: S608


def _inserts(jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
    for start in range(0, len(jobs), _ROWS):
        yield _insert(jobs[start : start + _ROWS])
    return list(jobs)


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
