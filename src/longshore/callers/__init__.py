"""Connections of the caller's own: which adapter speaks for which, chosen by where the connection's class comes from.

No driver is imported here: whoever gives a connection has imported its driver already.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from longshore.callers.base import AsyncCaller, Call, Caller, Refused, Rows, Steps, driven
from longshore.errors import ConfigError

__all__ = ["AsyncCaller", "Call", "Caller", "Refused", "Rows", "Steps", "caller", "driven"]

#: The first name of the class's module, or of one it derives from → the module with ``adapted(connection)``.
_ADAPTERS: Final = {
    "sqlite3": "longshore.callers.sqlite3",
    "aiosqlite": "longshore.callers.aiosqlite",
    "psycopg": "longshore.callers.psycopg",
    "asyncpg": "longshore.callers.asyncpg",
    "sqlalchemy": "longshore.callers.sqlalchemy",
    "django": "longshore.callers.django",
}


def caller(connection: Any) -> Caller:
    """What speaks for this connection. ConfigError: it is none that is known."""
    if isinstance(connection, Caller):
        return connection
    for base in type(connection).__mro__:
        module = _ADAPTERS.get(base.__module__.partition(".")[0])
        if module is not None:
            found: Caller = import_module(module).adapted(connection)
            return found
    raise ConfigError(
        f"connection= wants a connection with a transaction on it, not a {type(connection).__qualname__}\n"
        "known: a sqlite3.Connection, aiosqlite, psycopg.Connection or AsyncConnection, asyncpg, SQLAlchemy's "
        "Connection, Session, AsyncConnection and AsyncSession, and Django's connections"
    )
