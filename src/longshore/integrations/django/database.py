"""The URL of a store in one of the project's databases, made of what Django connects with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.db.backends.base.base import BaseDatabaseWrapper

from longshore.errors import ConfigError

#: What Django gives to psycopg and libpq does not know.
_NOT_OF_THE_SERVER: Final = (
    "client_encoding",
    "cursor_factory",
    "context",
    "prepare_threshold",
    "row_factory",
)


def in_memory(connection: BaseDatabaseWrapper) -> bool:
    """Whether it is a SQLite database without a file, as Django's test runner makes them."""
    return connection.vendor == "sqlite" and bool(connection.is_in_memory_db())  # pyright: ignore[reportAttributeAccessIssue]


def file_of(connection: BaseDatabaseWrapper) -> str:
    """The file of a SQLite database; empty for one in memory."""
    return "" if in_memory(connection) else os.path.abspath(os.fspath(connection.settings_dict["NAME"]))


def url_of(connection: BaseDatabaseWrapper, options: Mapping[str, str]) -> str:
    """The store's URL, with the password in it. ConfigError: jobs cannot be kept in this database."""
    if connection.vendor == "sqlite":
        query = f"?{urlencode(options)}" if options else ""
        return f"sqlite:////{quote(file_of(connection).lstrip('/'))}{query}"
    if connection.vendor != "postgresql":
        raise ConfigError(
            f"jobs cannot be kept in database {connection.alias!r}, which is {connection.display_name}\n"
            'keep them in a PostgreSQL or SQLite one, LONGSHORE = {"DATABASE": "jobs"}, or in Redis: '
            '{"STORE": "redis://localhost"}'
        )
    return _postgres(connection, options)


def _postgres(connection: BaseDatabaseWrapper, options: Mapping[str, str]) -> str:
    given: dict[str, Any] = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in _NOT_OF_THE_SERVER and value is not None
    }
    user, password = given.pop("user", None), given.pop("password", None)
    role = connection.settings_dict["OPTIONS"].get("assume_role")
    if role:
        given["options"] = f"{given.get('options', '')} -c role={role}".strip()
    given["dbname"] = given.get("dbname", "")
    login = "" if not user else quote(str(user), safe="")
    login += "" if not password else f":{quote(str(password), safe='')}"
    query = urlencode({**given, **options}, quote_via=quote)
    return f"postgresql://{login}{'@' if login else ''}/?{query}"
