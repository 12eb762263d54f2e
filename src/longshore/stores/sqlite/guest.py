"""The store of a file on connections that are the caller's: whatever is done joins the caller's transaction."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from longshore.stores.base import Subscription
from longshore.stores.hints import Hub
from longshore.stores.sqlite.connection import busy_message, patiently
from longshore.stores.sqlite.location import Location
from longshore.stores.sqlite.pair import Pair, transaction
from longshore.stores.sqlite.store import SqliteStore
from longshore.stores.statements import statements
from longshore.stores.wake import Wake

T = TypeVar("T")


class SqliteGuest(SqliteStore):
    """`base.Store` whose every call is made on ``connection()``, asked anew each time and never closed.

    In a transaction of the caller's, a call is part of that; outside of one, it is a transaction of its own. The tables have
    to be there. ``path`` is the file's, or empty for a database in memory, where hints reach this process only. ``later`` is
    given what is to be done once the caller's transaction is committed.
    """

    def __init__(
        self,
        connection: Callable[[], sqlite3.Connection],
        path: str,
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.url = f"sqlite:///{path or ':memory:'}"
        self.sql = statements("sqlite")
        self._location = Location(path or ":memory:", "full")
        self._clock = clock or time.time
        self._opening = threading.Lock()
        self._opened: Pair | None = None
        self._guest = _Guest(connection, self._location.path)
        self._later = later
        self._hints: Wake | Hub = Wake(path + "-wake") if path else Hub()

    def open(self) -> None:
        """Nothing is to be opened."""

    def close(self) -> None:
        """Forget who listens."""
        if isinstance(self._hints, Wake):
            self._hints.close()
        else:
            self._hints.clear()

    def _pair(self) -> Pair:
        return cast("Pair", self._guest)

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`. Nobody hears of it before the caller's transaction is committed."""
        told = list(topics)
        say = self._hints.publish if isinstance(self._hints, Wake) else self._hints.tell
        self._later(lambda: say(told))

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        return self._hints.subscribe(topics, callback)


class _Guest:
    """What a `Pair` does, on one connection of somebody else's."""

    def __init__(self, connection: Callable[[], sqlite3.Connection], path: str) -> None:
        self._connection = connection
        self._path = path

    def write(self, work: Callable[[sqlite3.Connection], T], point: str = "") -> T:
        connection = self._connection()
        with _plain(connection):
            if not connection.in_transaction and connection.isolation_level is None:
                return patiently(self._path, lambda: transaction(connection, work, point))
            try:
                with _savepoint(connection):
                    return work(connection)
            except sqlite3.Error as error:
                raise busy_message(self._path, error) from error

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection()
        with _plain(connection):
            return patiently(self._path, lambda: work(connection))


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, and the caller's own work before it untouched."""
    _begin_as_usual(connection)
    connection.execute("SAVEPOINT longshore_guest")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO longshore_guest")
            connection.execute("RELEASE longshore_guest")
        raise
    connection.execute("RELEASE longshore_guest")


def _begin_as_usual(connection: sqlite3.Connection) -> None:
    """Let sqlite3 begin the transaction it begins before any write, if that is how the connection is set.

    Else the savepoint would be the outermost transaction, and its release would commit before the caller does. On a
    connection set to commit each statement by itself, that is what the caller asked for.
    """
    if not connection.in_transaction and connection.isolation_level is not None:
        connection.execute("DELETE FROM longshore_meta WHERE 0")


@contextmanager
def _plain(connection: sqlite3.Connection) -> Iterator[None]:
    """Text as str for a while, whatever the caller wants to get."""
    before, connection.text_factory = connection.text_factory, str
    try:
        yield
    finally:
        connection.text_factory = before
