"""The connections of psycopg 3, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from longshore.callers.base import AsyncCaller, Call, Caller, Refused, Rows, closed, commits_itself, weakly
from longshore.errors import ConfigError

Connection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


class PsycopgCaller(Caller):
    connection: psycopg.Connection[Any]
    dialect = "postgresql"

    def check(self) -> None:
        """See `Caller.check`."""
        _check(self, self.connection, "with connection.transaction(): ...")

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return weakly(self.connection, over)

    def execute(self, call: Call) -> Rows:
        """See `Caller.execute`."""
        try:
            cursor = psycopg.Cursor(self.connection, row_factory=tuple_row)
            cursor.execute(cast("Any", call.text), call.values, binary=True)
            return cursor.fetchall() if _rows(cursor) else []
        except psycopg.Error as error:
            raise refused(error) from error


class AsyncPsycopgCaller(AsyncCaller):
    connection: psycopg.AsyncConnection[Any]
    dialect = "postgresql"

    def check(self) -> None:
        """See `Caller.check`."""
        _check(self, self.connection, "async with connection.transaction(): ...")

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return weakly(self.connection, over)

    async def aexecute(self, call: Call) -> Rows:
        """See `AsyncCaller.aexecute`."""
        try:
            cursor = psycopg.AsyncCursor(self.connection, row_factory=tuple_row)
            await cursor.execute(cast("Any", call.text), call.values, binary=True)
            return await cursor.fetchall() if _rows(cursor) else []
        except psycopg.Error as error:
            raise refused(error) from error


def _check(asking: Caller, connection: Connection, begin: str) -> None:
    if connection.closed:
        raise closed(asking.name)
    if commits_by_itself(connection):
        raise commits_itself(asking.name, begin)


def commits_by_itself(connection: Connection) -> bool:
    """Whether a statement would be a transaction of its own."""
    return connection.autocommit and over(connection)


def over(connection: Connection) -> bool:
    """Whether no transaction is open."""
    return connection.pgconn.transaction_status in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)


def _rows(cursor: psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]) -> bool:
    # Not `description`: it makes an object for each column.
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0


def refused(error: psycopg.Error) -> Refused:
    """With the server's own code."""
    return Refused(str(error), error.sqlstate)


def adapted(connection: Any) -> Caller:
    """ConfigError: something of psycopg's that is no connection."""
    if isinstance(connection, psycopg.Connection):
        return PsycopgCaller(connection)
    if isinstance(connection, psycopg.AsyncConnection):
        return AsyncPsycopgCaller(connection)
    raise ConfigError(
        f"connection= wants a psycopg.Connection or AsyncConnection, not a {type(connection).__qualname__}\n"
        "with a cursor: cursor.connection"
    )
