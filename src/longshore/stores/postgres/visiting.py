"""Adding jobs on a connection of the caller's, so that they come and go with the caller's own transaction."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg

from longshore.callers import Call, Caller, Refused, Steps
from longshore.errors import ConfigError, LongshoreError
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.schema import quoted
from longshore.stores.postgres.trouble import translated

#: Connections known to lead to a place, so that a transaction is not asked twice.
_known: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()


def checked(caller: Caller, location: Location, place: str) -> Steps[None]:
    """ConfigError where the caller's connection is none to our tables."""
    refuse_dialect(caller, location)
    caller.check()
    if _known.get(caller.handle) == place:
        return
    meta = f"{quoted(location.schema)}.meta"
    # Asked by name first, for a statement that fails would end the caller's transaction.
    seen = yield Call("SELECT to_regclass(%(meta)s::text) IS NOT NULL", {"meta": meta})
    text = f"SELECT value FROM {meta.replace('%', '%%')} WHERE key = 'place'"  # noqa: S608
    if seen != [(True,)] or (yield Call(text, {})) != [(place,)]:
        raise (yield from elsewhere(location, "this store", "the store"))
    _known[caller.handle] = place


def refuse_dialect(caller: Caller, location: Location) -> None:
    """ConfigError where it is a connection to another kind of database."""
    if caller.dialect != "postgresql":
        raise ConfigError(
            f"connection= wants a connection to {location.url}: a psycopg.Connection, asyncpg's or SQLAlchemy's\n"
            f"this one, a {caller.name}, is to {caller.dialect}"
        )


def elsewhere(location: Location, ours: str, point: str) -> Steps[ConfigError]:
    """That the connection leads to another place."""
    text = "SELECT current_database()::text, coalesce(host(inet_server_addr()), 'a local socket')"
    [(database, host)] = yield Call(text, {})
    return ConfigError(
        f'connection= is to database "{database}" on {host}, but {ours} is {location.url}\n'
        f"a job can only join a transaction on the store's own database: connect to that, or point {point} at yours"
    )


def told(location: Location, error: Refused) -> LongshoreError:
    """What a caller's driver said, as an error of ours."""
    code = error.code
    kind: type[psycopg.Error] = psycopg.OperationalError
    if isinstance(code, str):
        try:
            kind = psycopg.errors.lookup(code)
        except KeyError:
            kind = psycopg.DatabaseError
    return translated(location, kind(str(error)))
