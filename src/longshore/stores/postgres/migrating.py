"""The tables made and brought forward: by us, or by a script that psql runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg

from longshore.dice import between
from longshore.errors import StoreUnavailable
from longshore.failpoint import hit
from longshore.stores.postgres.connection import Connection, connect
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.migrations import Migration, known
from longshore.stores.postgres.schema import Found, pairs, quoted
from longshore.stores.postgres.trouble import RETRYABLE, translated

#: Long enough to build an index over a large table.
_MIGRATION_SECONDS: Final = 3600.0
#: While we wait for a lock on a table, everybody behind us waits too.
_LOCK_MILLISECONDS: int = 1000
#: Who migrates at the same time is waited for: then nothing is left to do.
_TURN_MILLISECONDS: int = 60_000
_TRIES: Final = 10


def pending(found: Found, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """The migrations that were not applied yet."""
    return [
        one for one in (known() if migrations is None else migrations) if one.number > (found.version or 0)
    ]


def plan(
    connection: Connection, found: Found, location: Location, migrations: Sequence[Migration] | None = None
) -> list[str]:
    """What `migrate` does, as a script for psql: one transaction, under the same locks. Empty: nothing is to be done."""
    name, todo = quoted(location.schema), pending(found, migrations)
    if not todo:
        return []
    lines = [
        "BEGIN;",
        f"{_waiting(_TURN_MILLISECONDS)};",
        f"{_turn(location)};",
        f"{_waiting(_LOCK_MILLISECONDS)};",
    ]
    if found.version is not None:
        lines.append(_guard(name, found.version))
    elif not _has_schema(connection, name):
        lines.append(f"CREATE SCHEMA {name};")
    lines += [f"-- {one.number:04} {one.name}\n{step(one, name)}" for one in todo]
    return [*lines, "COMMIT;"]


def _waiting(milliseconds: int) -> str:
    return f"SET LOCAL lock_timeout = {milliseconds}"


def _turn(location: Location) -> str:
    """One at a time. It belongs to the transaction, so it cannot be left behind, also behind a pooler."""
    key = f"longshore {location.schema}".replace("'", "''")
    return f"SELECT pg_advisory_xact_lock(hashtextextended('{key}', 0))"


def _guard(name: str, version: int) -> str:
    """A script is run some time after it was made."""
    return (
        f"DO $guard$ BEGIN\n  IF (SELECT value FROM {name}.meta WHERE key = 'version') <> '{version}' THEN\n"  # noqa: S608
        f"    RAISE EXCEPTION 'these tables are not of version {version} any more: make the plan anew';\n"
        "  END IF;\nEND $guard$;"
    )


def step(one: Migration, name: str) -> str:
    """A migration and the note that it was made, for the schema called ``name`` (quoted)."""
    text = one.text.replace("{schema}", name).strip().removesuffix(";")
    return (
        f"{text};\nINSERT INTO {name}.meta VALUES "
        f"('version', '{one.number}'), ('oldest', '{one.oldest or one.number}')\n"
        "  ON CONFLICT (key) DO UPDATE SET value = excluded.value;"
    )


def _has_schema(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [name]).fetchone() == (True,)


def _check_whole(connection: psycopg.Connection[Any], name: str) -> None:
    """No step would bring back a table that somebody dropped."""
    for table in ("jobs", "docs"):
        found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{name}.{table}"]).fetchone()
        if found != (True,):
            raise psycopg.errors.UndefinedTable(f"relation {name}.{table} does not exist")


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
    for text in (_waiting(_TURN_MILLISECONDS), _turn(location), _waiting(_LOCK_MILLISECONDS)):
        connection.execute(text.encode())
    version: int | None = None
    if connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{name}.meta"]).fetchone() == (True,):
        version = int(dict(pairs(connection, sql))["version"])
        _check_whole(connection, name)
    elif not _has_schema(connection, name):
        connection.execute(f"CREATE SCHEMA {name}".encode())
    todo = pending(Found(version), migrations)
    for one in todo:
        connection.execute(step(one, name).encode())
        hit("migrate.step")
    return [one.number for one in todo]
