"""The tables: found, checked, made, and brought forward."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from longshore.dice import between
from longshore.errors import SchemaError, StoreUnavailable
from longshore.stores.postgres.connection import Connection, connect
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.migrations import Migration, known
from longshore.stores.postgres.pool import Call, execute
from longshore.stores.postgres.trouble import RETRYABLE, translated

#: Long enough to build an index over a large table.
_MIGRATION_SECONDS: Final = 3600.0
_LOCK_MILLISECONDS: int = 3000
_TRIES: Final = 8


class Found(NamedTuple):
    """What is there."""

    #: number of the last migration; None: no tables of ours
    version: int | None
    #: identifies this very set of tables
    place: str = ""


def quoted(name: str) -> str:
    """An identifier, safe in any statement."""
    return '"' + name.replace('"', '""') + '"'


def look(connection: Connection, location: Location, sql: Mapping[str, str]) -> Found:
    """What the connection sees. SchemaError or StoreUnavailable: a database that cannot be used."""
    try:
        _check_database(connection, location)
        try:
            found: dict[str, str] = dict(_pairs(connection, sql))
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
    return Found(int(version), found.get("place", ""))


def _pairs(connection: psycopg.Connection[Any], sql: Mapping[str, str]) -> list[tuple[str, str]]:
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


def check(found: Found, location: Location) -> None:
    """SchemaError where the tables are not of the version this release works with."""
    newest = known()[-1].number
    if found.version == newest:
        return
    if found.version is not None and found.version > newest:
        raise SchemaError(
            f'{location.url}: schema "{location.schema}" was made by a later Longshore '
            f"(version {found.version}, this one knows {newest})\n"
            "upgrade Longshore here, or name another with ?schema=NAME in the URL"
        )
    raise SchemaError(
        f'{location.url}: schema "{location.schema}" is of version {found.version}, this release needs {newest}\n'
        "look at what would be done, then do it: longshore migrate --plan; longshore migrate"
    )


def pending(found: Found, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations that were not applied yet."""
    return [
        one for one in (known() if migrations is None else migrations) if one.number > (found.version or 0)
    ]


def plan(found: Found, location: Location) -> list[str]:
    """The statements of the pending migrations, each under a line with its number."""
    name = quoted(location.schema)
    first = [] if found.version is not None else [f"CREATE SCHEMA IF NOT EXISTS {name};"]
    return first + [
        f"-- {one.number:04} {one.name}\n{one.text.replace('{schema}', name)}" for one in pending(found)
    ]


def migrate(
    location: Location, sql: Mapping[str, str], migrations: Sequence[Migration] | None = None
) -> list[int]:
    """Apply what is pending; the numbers of what was. Several may try at once: one does it.

    A lock that others hold on our tables is waited for shortly, then let go so that they are not held up in turn, and
    tried again.
    """
    for tries in range(1, _TRIES + 1):
        try:
            connection = connect(location, _MIGRATION_SECONDS, "longshore-migrate")
            try:
                with connection.transaction():
                    return _migrate(connection, location, sql, migrations)
            finally:
                connection.close()
        except (psycopg.errors.LockNotAvailable, *RETRYABLE) as error:
            if tries == _TRIES:
                raise StoreUnavailable(
                    f'{location.url}: others hold locks on schema "{location.schema}" or migrate it: {error}\n'
                    "end long transactions (look at pg_stat_activity) and try again: longshore migrate"
                ) from error
        except psycopg.Error as error:
            raise translated(location, error) from error
        time.sleep(between(0.05, 0.1) * tries)
    raise AssertionError("unreachable")


def _migrate(
    connection: psycopg.Connection[Any],
    location: Location,
    sql: Mapping[str, str],
    migrations: Sequence[Migration] | None,
) -> list[int]:
    name = quoted(location.schema)
    connection.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}".encode())
    # Belongs to this transaction, so it cannot be left behind, also behind a pooler.
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"longshore {location.schema}"]
    )
    version: int | None = None
    if connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{name}.meta"]).fetchone() == (True,):
        version = int(dict(_pairs(connection, sql))["version"])
    elif connection.execute("SELECT to_regnamespace(%s) IS NULL", [name]).fetchone() == (True,):
        connection.execute(f"CREATE SCHEMA {name}".encode())
    todo = pending(Found(version), migrations)
    for one in todo:
        connection.execute(one.text.replace("{schema}", name).encode())
        connection.execute(
            f"INSERT INTO {name}.meta VALUES ('version', '{one.number}') "  # noqa: S608
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value".encode()
        )
    return [one.number for one in todo]
