"""Adding jobs on a connection of the caller's, so that they come and go with the caller's own transaction."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from longshore.errors import ConfigError
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.pool import Call, execute
from longshore.stores.postgres.schema import quoted

#: Connections known to lead to a place, so that a transaction is not asked twice.
_known: WeakKeyDictionary[psycopg.Connection[Any], str] = WeakKeyDictionary()


def checked(connection: Any, location: Location, place: str) -> psycopg.Connection[Any]:
    """The caller's connection, if it is one to our tables."""
    if not isinstance(connection, psycopg.Connection):
        raise ConfigError(
            f"connection= wants a psycopg.Connection to {location.url}, not a {type(connection).__qualname__}\n"
            "with SQLAlchemy: session.connection().connection.driver_connection"
        )
    if _known.get(connection) == place:
        return connection
    meta = f"{quoted(location.schema)}.meta"
    # Asked by name first, for a statement that fails would end the caller's transaction.
    seen = execute(connection, Call("SELECT to_regclass(%(meta)s) IS NOT NULL", {"meta": meta})) == [(True,)]
    text = f"SELECT value FROM {meta.replace('%', '%%')} WHERE key = 'place'"  # noqa: S608
    if not seen or execute(connection, Call(text, {})) != [(place,)]:
        raise ConfigError(
            f'connection= is to database "{connection.info.dbname}" on {connection.info.host}, '
            f"but this store is {location.url}\n"
            "a job can only join a transaction on the store's own database: connect to that, or point the store at yours"
        )
    _known[connection] = place
    return connection
