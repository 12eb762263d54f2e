"""Adding jobs on a connection of the caller's, so that they come and go with the caller's own transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from longshore.errors import ConfigError
from longshore.model import JobRecord
from longshore.stores.sqlite import adding
from longshore.stores.sqlite.connection import busy_message


def checked(connection: Any, path: str) -> sqlite3.Connection:
    """The caller's connection, if it is one to our file."""
    if not isinstance(connection, sqlite3.Connection):
        raise ConfigError(
            f"connection= wants a sqlite3.Connection to {path!r}, not a {type(connection).__qualname__}\n"
            "with SQLAlchemy: session.connection().connection.driver_connection"
        )
    with plain(connection):
        cursor = connection.cursor()
        cursor.row_factory = None
        found = next((row[2] for row in cursor.execute("PRAGMA database_list") if row[1] == "main"), "")
    try:
        same = bool(found) and os.path.samestat(os.stat(found), os.stat(path))
    except OSError:
        same = False
    if not same:
        raise ConfigError(
            f"connection= is to {found or 'a database in memory'!r}, but this store is {path!r}\n"
            "a job can only join a transaction on the store's own file: connect to that, or point the store at yours"
        )
    return connection


def add(
    connection: sqlite3.Connection, path: str, sql: Mapping[str, str], jobs: Sequence[JobRecord]
) -> list[JobRecord]:
    """Insert on the caller's connection. It stays open, uncommitted, as it was."""
    try:
        with plain(connection), savepoint(connection):
            return adding.add(connection, sql, jobs)
    except sqlite3.Error as error:
        raise busy_message(path, error) from error


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
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
def plain(connection: sqlite3.Connection) -> Iterator[None]:
    """Text as str for a while, whatever the caller wants to get."""
    before, connection.text_factory = connection.text_factory, str
    try:
        yield
    finally:
        connection.text_factory = before
