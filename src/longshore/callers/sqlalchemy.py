"""SQLAlchemy's connections and sessions, sync and async, over the drivers we know."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from longshore.callers.base import (
    AsyncCaller,
    Call,
    Caller,
    Refused,
    Rows,
    Steps,
    closed,
    commits_itself,
    weakly,
)
from longshore.callers.dollars import numbered
from longshore.errors import ConfigError

T = TypeVar("T")

#: The driver's name in SQLAlchemy → the module that knows its connections.
_DRIVERS: Final = {
    "psycopg": "longshore.callers.psycopg",
    "psycopg_async": "longshore.callers.psycopg",
    "asyncpg": "longshore.callers.asyncpg",
    "pysqlite": "longshore.callers.sqlite3",
    "aiosqlite": "longshore.callers.aiosqlite",
}
_ASYNC: Final = (AsyncConnection, AsyncSession)


class SqlalchemyCaller(Caller):
    """Everything goes through SQLAlchemy's own connection, so that it knows of the transaction, logs it, and ends it."""

    def __init__(self, given: Any) -> None:
        super().__init__(given)
        self._joined: Connection | None = None

    @property
    def _own(self) -> Connection:
        """The connection under what was given, in its transaction."""
        if self._joined is None:
            given = self.connection
            found: Connection = given.connection() if isinstance(given, Session) else given
            if found.closed:
                raise closed(self.name)
            if found.dialect.driver not in _DRIVERS:
                raise ConfigError(
                    f"connection= goes through the driver {found.dialect.driver!r}, which cannot be joined\n"
                    "use postgresql+psycopg://, postgresql+asyncpg://, sqlite:// or sqlite+aiosqlite:// with SQLAlchemy"
                )
            if not found.in_transaction():
                found.begin()
            self._joined = found
        return self._joined

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """See `Caller.dialect`."""
        return self._own.dialect.name

    @property
    def handle(self) -> Any:
        """See `Caller.handle`."""
        return self._own.connection.driver_connection

    def check(self) -> None:
        """See `Caller.check`."""
        own = self._own
        if own.dialect.driver == "asyncpg":  # begins with the first statement
            alone = getattr(own.connection.dbapi_connection, "isolation_level", "") == "autocommit"
        elif own.dialect.name == "sqlite":
            alone = not self.handle.in_transaction and self.handle.isolation_level is None
        else:
            alone = bool(_driver(own).commits_by_itself(self.handle))
        if alone:
            raise commits_itself(self.name, 'leave isolation_level="AUTOCOMMIT" out for this connection')

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        handle, over = self.handle, _driver(self._own).over
        if self._own.dialect.driver == "pysqlite":  # cannot be referred to weakly
            return lambda: bool(over(handle))
        return weakly(handle, over)

    def execute(self, call: Call) -> Rows:
        """See `Caller.execute`."""
        own = self._own
        text, values = call
        if own.dialect.driver == "asyncpg":
            text, values = numbered(call)
        given: Any = values if isinstance(values, dict) else tuple(values)
        try:
            result = own.exec_driver_sql(text, given)
            return [tuple(row) for row in result] if result.returns_rows else []
        except DBAPIError as error:
            raise _refused(error) from error
        except StatementError as error:
            raise Refused(str(error.orig), None) from error


class AsyncSqlalchemyCaller(AsyncCaller):
    """The same in the thread of the event loop, where SQLAlchemy's sync half waits for its async driver."""

    def __init__(self, given: AsyncConnection | AsyncSession) -> None:
        super().__init__(given)
        if isinstance(given, AsyncConnection) and (given.sync_connection is None or given.closed):
            raise closed(self.name)
        self._inner = SqlalchemyCaller(
            given.sync_connection if isinstance(given, AsyncConnection) else given.sync_session
        )

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """See `Caller.dialect`."""
        return self._inner.dialect

    @property
    def handle(self) -> Any:
        """See `Caller.handle`."""
        return self._inner.handle

    def check(self) -> None:
        """See `Caller.check`."""
        self._inner.check()

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return self._inner.ending()

    async def arun(self, steps: Steps[T]) -> T:
        """See `Caller.arun`."""
        answer: T = await self.connection.run_sync(lambda _: self._inner.run(steps))
        return answer


def _driver(connection: Connection) -> Any:
    return import_module(_DRIVERS[connection.dialect.driver])


def _refused(error: DBAPIError) -> Refused:
    orig = error.orig
    code = getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorcode", None)
    return Refused(str(orig), code)


def adapted(connection: Any) -> Caller:
    """ConfigError: something of SQLAlchemy's that has no transaction."""
    if isinstance(connection, (scoped_session, async_scoped_session)):
        connection = connection()
    if isinstance(connection, _ASYNC):
        return AsyncSqlalchemyCaller(connection)
    if isinstance(connection, (Connection, Session)):
        return SqlalchemyCaller(connection)
    raise ConfigError(
        f"connection= wants SQLAlchemy's Connection, Session, AsyncConnection or AsyncSession, "
        f"not a {type(connection).__qualname__}\n"
        "with an engine: with engine.begin() as connection: task.using(connection=connection).enqueue(...)"
    )
