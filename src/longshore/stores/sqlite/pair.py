"""The two connections of a process to its file: one writes, one reads."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from longshore.errors import StoreUnavailable
from longshore.failpoint import hit
from longshore.stores.sqlite import schema
from longshore.stores.sqlite.connection import connect, patiently
from longshore.stores.sqlite.location import Location, prepare

T = TypeVar("T")


class Pair:
    """Writer and reader, each used by one thread at a time."""

    def __init__(self, location: Location, sql: Mapping[str, str]) -> None:
        self.path = location.path
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        schema.check_library()
        prepare(location.path)
        self.writer = _connected(location)
        try:
            self.reader = _connected(location)
            try:
                self._found(sql)
            except BaseException:
                self.reader.close()
                raise
        except BaseException:
            self.writer.close()
            raise

    def _found(self, sql: Mapping[str, str]) -> None:
        """Look at what is there before anything is changed; then make what is missing."""
        ready = patiently(self.path, lambda: schema.is_ready(self.writer, self.path))
        mode = patiently(self.path, lambda: self.writer.execute("PRAGMA journal_mode").fetchone()[0])
        if mode != "wal":
            mode = patiently(
                self.path, lambda: self.writer.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            )
        if mode != "wal":
            raise StoreUnavailable(
                f"{self.path!r}: SQLite cannot use a write-ahead log here (it says {mode!r})"
            )
        if not ready:
            self.write(lambda writer: self._create(writer, sql))

    def _create(self, writer: sqlite3.Connection, sql: Mapping[str, str]) -> None:
        if not schema.is_ready(writer, self.path):
            schema.create(writer, sql)

    def write(self, work: Callable[[sqlite3.Connection], T], point: str = "") -> T:
        """Do ``work`` in one transaction that has the write lock from its start."""
        with self._write_lock:
            return patiently(self.path, lambda: transaction(self.writer, work, point))

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` outside of any transaction: each statement sees what is committed, and none holds a snapshot."""
        with self._read_lock:
            return patiently(self.path, lambda: work(self.reader))

    def close(self) -> None:
        """Wait for calls under way, then let go."""
        with self._write_lock, self._read_lock:
            self.reader.close()
            self.writer.close()

    def leave(self) -> None:
        """In a forked child: never touch these again, not even to close them when the child ends."""
        import ctypes

        for connection in (self.writer, self.reader):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _connected(location: Location) -> sqlite3.Connection:
    """Even the first look at a file has to wait its turn: another process may be repairing its write-ahead log."""
    return patiently(location.path, lambda: connect(location.path, location.synchronous))


def transaction(writer: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], point: str) -> T:
    writer.execute("BEGIN IMMEDIATE")
    try:
        answer = work(writer)
        if point:
            hit(point)
        writer.execute("COMMIT")
    except BaseException:
        # A full disk has rolled back already.
        if writer.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                writer.execute("ROLLBACK")
        raise
    return answer
