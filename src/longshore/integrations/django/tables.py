"""The store's tables, made by ``manage.py migrate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation

from longshore.errors import SchemaError
from longshore.integrations.django.conf import VENDORS, Conf, read
from longshore.integrations.django.waiting import make_outbox

#: The version of the tables that this release works with.
NEWEST: Final = 1


class Tables(Operation):
    """Brings the tables up to ``version``, where they are not. Never removes them.

    Does nothing in a database that keeps no jobs.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, version: int) -> None:
        self.version = version

    def state_forwards(self, app_label: str, state: Any) -> None:
        """They are no models."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Make what is missing, in the migration's transaction."""
        connection = schema_editor.connection
        conf, _ = read()
        if not _here(conf, connection.alias) or not router.allow_migrate(connection.alias, app_label):
            return
        if not schema_editor.collect_sql:
            lock(conf, connection)
        found = 0 if schema_editor.collect_sql else version_of(conf, connection)
        for statement in statements(conf, connection, found, self.version):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Jobs that somebody was promised are not dropped."""

    def describe(self) -> str:
        """For ``migrate --plan``."""
        return f"Tables for jobs, version {self.version}"


def make_tables(using: str, **_: Any) -> None:
    """After every ``migrate``: also where migrations are turned off, or where jobs were not kept here before."""
    conf, _mistakes = read()
    if not router.allow_migrate(using, "longshore"):
        return
    make_outbox(conf, using, lambda: lock(conf, connections[using]))
    if not _here(conf, using):
        return
    connection = connections[using]
    if version_of(conf, connection) >= NEWEST:
        return
    with transaction.Atomic(using, savepoint=True, durable=False):
        lock(conf, connection)
        with connection.cursor() as cursor:
            for statement in statements(conf, connection, version_of(conf, connection), NEWEST):
                cursor.execute(statement)


def check_tables(conf: Conf, connection: BaseDatabaseWrapper) -> None:
    """SchemaError: the tables are not those of this release; says what to run."""
    found = version_of(conf, connection)
    if found == NEWEST:
        return
    database = "" if connection.alias == DEFAULT_DB_ALIAS else f" --database {connection.alias}"
    if found > NEWEST:
        raise SchemaError(
            f"the tables for jobs in database {connection.alias!r} were made by a later Longshore "
            f"(version {found}, this one knows {NEWEST})\nupgrade Longshore here"
        )
    told = f"are of version {found}, this release needs {NEWEST}" if found else "are not there"
    raise SchemaError(
        f"the tables for jobs in database {connection.alias!r} {told}\nmake them: python manage.py migrate{database}"
    )


def _here(conf: Conf, alias: str) -> bool:
    return conf.store is None and conf.database == alias and connections[alias].vendor in VENDORS


def lock(conf: Conf, connection: BaseDatabaseWrapper) -> None:
    """Keep workers that begin just now from making the same tables, until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"longshore {schema(conf)}"]
            )


def schema(conf: Conf) -> str:
    """The schema of PostgreSQL that the tables are in."""
    return conf.options.get("schema", "longshore")


def version_of(conf: Conf, connection: BaseDatabaseWrapper) -> int:
    """The version of the tables there are; 0: none."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            from longshore.stores.postgres.schema import quoted

            meta = f"{quoted(schema(conf))}.meta"
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [meta])
            there = cursor.fetchone()[0]
        else:
            meta = "longshore_meta"
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = %s", [meta])
            there = cursor.fetchone()[0]
        if not there:
            return 0
        cursor.execute(f"SELECT value FROM {meta.replace('%', '%%')} WHERE key = %s", ["version"])  # noqa: S608
        return int(cursor.fetchone()[0])


def statements(conf: Conf, connection: BaseDatabaseWrapper, found: int, wanted: int) -> Sequence[str]:
    """What leads from the version there is to the one that is wanted."""
    if found >= wanted:
        return []
    if connection.vendor == "sqlite":
        from longshore.stores.statements import statements as texts

        return [text.strip() for text in texts("sqlite")["schema"].split(";") if text.strip()]
    from longshore.stores.postgres.migrating import step
    from longshore.stores.postgres.migrations import known
    from longshore.stores.postgres.schema import quoted

    name = quoted(schema(conf))
    steps = [] if found else [f"CREATE SCHEMA IF NOT EXISTS {name}"]
    return steps + [step(one, name) for one in known() if found < one.number <= wanted]
