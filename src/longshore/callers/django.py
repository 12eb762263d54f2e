"""Django's connections, ``django.db.connection`` and ``connections["alias"]``, in the thread that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from longshore.callers.base import Call, Caller, Rows, commits_itself
from longshore.errors import ConfigError


class DjangoCaller(Caller):
    """The driver's connection, which Django opens where it is not; in a transaction that Django began."""

    connection: BaseDatabaseWrapper

    @property
    def name(self) -> str:
        """See `Caller.name`."""
        return f"connection of Django's to {self.connection.alias!r}"

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """See `Caller.dialect`."""
        return str(self.connection.vendor)

    @property
    def handle(self) -> Any:
        """See `Caller.handle`."""
        self.connection.ensure_connection()
        return self.connection.connection

    @property
    def _driver(self) -> Caller:
        handle = self.handle
        if self.dialect == "sqlite":
            from longshore.callers.sqlite3 import Sqlite3Caller

            return Sqlite3Caller(handle)
        from longshore.callers.psycopg import adapted

        return adapted(handle)

    def check(self) -> None:
        """See `Caller.check`."""
        connection = self.connection
        connection.validate_no_broken_transaction()
        connection.ensure_connection()
        if not connection.in_atomic_block and connection.get_autocommit():
            raise commits_itself(self.name, "with transaction.atomic(): ...")

    def ending(self) -> Callable[[], bool]:
        """See `Caller.ending`."""
        return self._driver.ending()

    def execute(self, call: Call) -> Rows:
        """See `Caller.execute`."""
        return self._driver.execute(call)


def adapted(connection: Any) -> Caller:
    """ConfigError: something of Django's that is no connection, or one to another kind of database."""
    # `django.db.connection` stands for the one of the calling thread.
    wrapper = getattr(connection, "_connections", None)
    if wrapper is not None:
        connection = wrapper[connection._alias]
    if not isinstance(connection, BaseDatabaseWrapper):
        raise ConfigError(
            f"connection= wants one of Django's connections, not a {type(connection).__qualname__}\n"
            "write: connection=django.db.connection"
        )
    if connection.vendor not in ("postgresql", "sqlite"):
        raise ConfigError(
            f"connection= is to a {connection.display_name} database, whose transactions cannot be joined"
        )
    return DjangoCaller(connection)
