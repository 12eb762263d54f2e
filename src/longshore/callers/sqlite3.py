"""The standard library's ``sqlite3.Connection``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from longshore.callers.base import Call, Caller, Refused, Rows, closed, commits_itself
from longshore.errors import ConfigError


class Sqlite3Caller(Caller):
    connection: sqlite3.Connection
    dialect = "sqlite"

    def check(self) -> None:
        """See `Caller.check`."""
        try:
            alone = commits_by_itself(self.connection)
        except sqlite3.ProgrammingError:
            raise closed(self.name) from None
        if alone:
            raise commits_itself(self.name, 'connection.execute("BEGIN IMMEDIATE")')

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        connection = self.connection  # cannot be referred to weakly
        return lambda: over(connection)

    def execute(self, call: Call) -> Rows:
        """See `Caller.execute`. The settings of the connection stay what they are."""
        connection = self.connection
        before, connection.text_factory = connection.text_factory, str
        try:
            cursor = connection.cursor()
            cursor.row_factory = None
            return cursor.execute(call.text, call.values).fetchall()
        except sqlite3.Error as error:
            raise refused(error) from error
        finally:
            connection.text_factory = before


def commits_by_itself(connection: sqlite3.Connection) -> bool:
    """Whether a statement would be a transaction of its own."""
    if connection.in_transaction:
        return False
    return connection.isolation_level is None or getattr(connection, "autocommit", None) is True


def over(connection: sqlite3.Connection) -> bool:
    """Whether no transaction is open."""
    try:
        return not connection.in_transaction
    except sqlite3.ProgrammingError:
        return True


def refused(error: BaseException) -> Refused:
    """With SQLite's own code."""
    return Refused(str(error), getattr(error, "sqlite_errorcode", None))


def adapted(connection: Any) -> Caller:
    """ConfigError: something of sqlite3's that is no connection."""
    if not isinstance(connection, sqlite3.Connection):
        raise ConfigError(
            f"connection= wants a sqlite3.Connection, not a {type(connection).__qualname__}\n"
            "with a cursor: cursor.connection"
        )
    return Sqlite3Caller(connection)
