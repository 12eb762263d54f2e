"""The tables: found and checked. `migrating` makes them and brings them forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from longshore.errors import SchemaError
from longshore.stores.postgres.connection import Connection
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.migrations import known
from longshore.stores.postgres.pool import Call, execute
from longshore.stores.postgres.trouble import translated


class Found(NamedTuple):
    """What is there."""

    #: number of the last migration; None: no tables of ours
    version: int | None
    #: identifies this very set of tables
    place: str = ""
    #: releases that know this version, or a later one, can work with the tables
    oldest: int | None = None


def quoted(name: str) -> str:
    """An identifier, safe in any statement."""
    return '"' + name.replace('"', '""') + '"'


def look(connection: Connection, location: Location, sql: Mapping[str, str]) -> Found:
    """What the connection sees. SchemaError or StoreUnavailable: a database that cannot be used."""
    try:
        _check_database(connection, location)
        try:
            found: dict[str, str] = dict(pairs(connection, sql))
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return Found(None)
    except psycopg.Error as error:
        raise translated(location, error) from error
    version = found.get("version", "none")
    if not version.isdigit():
        raise SchemaError(
            f'{location.url}: schema "{location.schema}" has a version {version!r}, which never was\n'
            "name another with ?schema=NAME in the URL"
        )
    oldest = found.get("oldest", version)
    return Found(int(version), found.get("place", ""), int(oldest) if oldest.isdigit() else int(version))


def pairs(connection: psycopg.Connection[Any], sql: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the tables say about themselves."""
    return [(key, value) for key, value in execute(connection, Call(sql["version"], {}))]


def _check_database(connection: Connection, location: Location) -> None:
    text = "SELECT current_setting('transaction_read_only'), current_setting('server_encoding')"
    read_only, encoding = execute(connection, Call(text, {}))[0]
    if read_only == "on":
        raise translated(location, psycopg.errors.ReadOnlySqlTransaction("the session is read-only"))
    if encoding != "UTF8":
        raise SchemaError(
            f"{location.url}: the database is encoded in {encoding}, which cannot hold every text\n"
            "make one that can: createdb -E UTF8 -T template0 NAME"
        )


def due(found: Found, location: Location) -> bool:
    """Whether opening the store should migrate, by the choice in its URL."""
    if location.migrate == "always":
        return (found.version or 0) < known()[-1].number
    return found.version is None and location.migrate == "missing"


def check(found: Found, location: Location) -> None:
    """SchemaError where this release cannot work with the tables."""
    newest = known()[-1].number
    if found.version == newest:
        return
    if found.version is None:
        raise SchemaError(
            f'{location.url}: there are no tables of Longshore in schema "{location.schema}"\n'
            "look at what would be done, then do it: longshore migrate --plan; longshore migrate"
        )
    if found.version > newest:
        if found.oldest is not None and found.oldest <= newest:
            return  # what was added since is nothing to us
        raise SchemaError(
            f'{location.url}: schema "{location.schema}" was made by a later Longshore '
            f"(version {found.version}, this one knows {newest}), and its tables cannot be used by this one\n"
            "upgrade Longshore here (longshore migrate goes forward only), or name another with ?schema=NAME in the URL"
        )
    raise SchemaError(
        f'{location.url}: schema "{location.schema}" is of version {found.version}, this release needs {newest}\n'
        "look at what would be done, then do it: longshore migrate --plan; longshore migrate"
    )
