"""The tables: made where there are none, checked where there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from longshore.errors import SchemaError, StoreUnavailable

VERSION: Final = 1
#: "LSHR", written into files that hold nothing else.
APPLICATION_ID: Final = 0x4C534852
_OLDEST_SQLITE: Final = (3, 35, 0)


def check_library(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """StoreUnavailable where Python came with a SQLite that is too old."""
    if version < _OLDEST_SQLITE:
        raise StoreUnavailable(
            f"SQLite {'.'.join(map(str, version))} is too old: Longshore needs 3.35 or later\n"
            "use a Python built with a newer one: python -c 'import sqlite3; print(sqlite3.sqlite_version)'"
        )


def is_ready(connection: sqlite3.Connection, path: str) -> bool:
    """Whether our tables are there; SchemaError where something is there that we must not touch."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application not in (0, APPLICATION_ID):
        raise SchemaError(
            f"{path!r} belongs to another program (application_id {application:#010x})\nname another file in the URL"
        )
    tables = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'longshore%'")
    } - {"longshore_outbox"}  # of an app whose store is elsewhere
    if not tables:
        return False
    if "longshore_meta" not in tables or "longshore_jobs" not in tables:
        raise SchemaError(
            f"{path!r} has tables named longshore_… that are not Longshore's: {', '.join(sorted(tables)[:3])}\n"
            "name another file in the URL"
        )
    _check_version(connection, path)
    return True


def _check_version(connection: sqlite3.Connection, path: str) -> None:
    row = connection.execute("SELECT value FROM longshore_meta WHERE key = 'version'").fetchone()
    found = row[0] if row else "none"
    if found == str(VERSION):
        return
    if str(found).isdigit() and int(found) > VERSION:
        raise SchemaError(
            f"{path!r} was made by a later Longshore (schema {found}, this one knows {VERSION})\n"
            "upgrade Longshore here, or name another file in the URL"
        )
    raise SchemaError(
        f"{path!r} has a Longshore schema of version {found!r}, which never was; name another file"
    )


def create(connection: sqlite3.Connection, sql: Mapping[str, str]) -> None:
    """Make the tables. Inside the caller's transaction, so that many processes may try at once."""
    alone = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    for statement in sql["schema"].split(";"):
        if statement.strip():
            connection.execute(statement)
    if alone:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
