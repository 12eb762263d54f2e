"""The connections of asyncpg, also those that a pool lends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from longshore.callers.base import AsyncCaller, Call, Caller, Refused, Rows, closed, commits_itself, weakly
from longshore.callers.dollars import numbered
from longshore.errors import ConfigError


class AsyncpgCaller(AsyncCaller):
    dialect = "postgresql"

    @property
    def handle(self) -> Any:
        """See `Caller.handle`. A pool lends the same connection in ever new wrappings."""
        return getattr(self.connection, "_con", None) or self.connection

    def check(self) -> None:
        """See `Caller.check`."""
        try:
            shut, alone = self.connection.is_closed(), not self.connection.is_in_transaction()
        except (asyncpg.InterfaceError, AttributeError):  # given back to its pool
            raise closed(self.name) from None
        if shut:
            raise closed(self.name)
        if alone:
            raise commits_itself(self.name, "async with connection.transaction(): ...")

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return weakly(self.handle, over)

    async def aexecute(self, call: Call) -> Rows:
        """See `AsyncCaller.aexecute`."""
        text, values = numbered(call)
        try:
            return [tuple(row.values()) for row in await self.connection.fetch(text, *values)]
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise Refused(str(error), getattr(error, "sqlstate", None)) from error


def over(connection: Any) -> bool:
    """Whether no transaction is open."""
    return connection.is_closed() or not connection.is_in_transaction()


def adapted(connection: Any) -> Caller:
    """ConfigError: something of asyncpg's that is no connection."""
    if not isinstance(connection, (asyncpg.Connection, PoolConnectionProxy)):
        raise ConfigError(
            f"connection= wants an asyncpg connection, not a {type(connection).__qualname__}\n"
            "with a pool: async with pool.acquire() as connection, connection.transaction(): ..."
        )
    return AsyncpgCaller(connection)
