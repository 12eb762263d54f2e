"""The connections of aiosqlite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import aiosqlite

from longshore.callers.base import AsyncCaller, Call, Caller, Rows, closed, commits_itself, weakly
from longshore.callers.sqlite3 import refused
from longshore.errors import ConfigError


class AiosqliteCaller(AsyncCaller):
    connection: aiosqlite.Connection
    dialect = "sqlite"

    def check(self) -> None:
        """See `Caller.check`."""
        try:
            alone = not self.connection.in_transaction and self.connection.isolation_level is None
            plain = self.connection.text_factory is str
        except (ValueError, sqlite3.ProgrammingError):  # not begun; closed
            raise closed(self.name) from None
        if alone:
            raise commits_itself(self.name, 'await connection.execute("BEGIN IMMEDIATE")')
        if not plain:
            raise ConfigError(
                "connection= gives text as something else than str (its text_factory)\n"
                "leave text_factory as it is on connections that enqueue"
            )

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return weakly(self.connection, over)

    async def aexecute(self, call: Call) -> Rows:
        """See `AsyncCaller.aexecute`."""
        try:
            async with self.connection.cursor() as cursor:
                cursor.row_factory = None
                await cursor.execute(call.text, call.values)
                return [tuple(row) for row in await cursor.fetchall()]
        except (sqlite3.Error, ValueError) as error:
            raise refused(error) from error


def over(connection: aiosqlite.Connection) -> bool:
    """Whether no transaction is open."""
    try:
        return not connection.in_transaction
    except (ValueError, sqlite3.ProgrammingError):
        return True


def adapted(connection: Any) -> Caller:
    """ConfigError: something of aiosqlite's that is no connection."""
    if not isinstance(connection, aiosqlite.Connection):
        raise ConfigError(f"connection= wants an aiosqlite.Connection, not a {type(connection).__qualname__}")
    return AiosqliteCaller(connection)
