"""``migrate``, ``sqlmigrate``, ``check`` and databases besides the default one."""

from __future__ import annotations

from pathlib import Path

from project import Project


def test_tables_are_a_migration_like_others(bare: Project) -> None:
    assert "Tables for jobs, version 1" in bare.manage("migrate", "--plan")
    assert "longshore" in bare.manage("sqlmigrate", "longshore", "0001")
    assert "CREATE TABLE" in bare.manage("sqlmigrate", "longshore", "0001")
    bare.manage("migrate", "-v0")
    bare.manage("migrate", "-v0")
    assert "No changes detected" in bare.manage("makemigrations", "--check", "--dry-run")
    assert "no issues" in bare.manage("check")
    bare.manage("migrate", "longshore", "zero", "-v0")
    bare.manage("migrate", "-v0")


def test_without_tables_it_is_said_what_makes_them(bare: Project) -> None:
    said = bare.manage("longshore", "worker", "--burst", code=5)
    assert "make them: python manage.py migrate" in said
    said = bare.do(
        """
from longshore.errors import SchemaError
from shop.tasks import add
try:
    add.enqueue(1, 2)
except SchemaError as error:
    print(error)
"""
    )
    assert "the tables for jobs in database 'default' are not there" in said
    bare.manage("migrate", "-v0")
    bare.do("from shop.tasks import add; add.enqueue(1, 2)")
    assert "1 done" in bare.manage("longshore", "worker", "--burst")


def test_every_mistake_is_named(bare: Project) -> None:
    bare.set(
        LONGSHORE={
            "LEASES": 3,
            "SWEEP": -1,
            "DATABASE": "other",
            "MIDDLEWARE": ["shop.nothing.There"],
            "EAGER": "yes",
        }
    )
    said = bare.manage("check", code=1)
    for text in (
        "longshore.E002",
        'did you mean "LEASE"',
        "longshore.E003",
        "SWEEP",
        "longshore.E004",
        "Name one of DATABASES: default",
        "longshore.E007",
        "shop.nothing.There",
        "'EAGER'",
    ):
        assert text in said, text
    bare.set(LONGSHORE={"STORE": "redsi://secret:word@host"})
    said = bare.manage("check", code=1)
    assert "longshore.E006" in said
    assert "redis://" in said
    assert "word" not in said
    bare.set(LONGSHORE=[])
    assert "longshore.E001" in bare.manage("check", code=1)


def test_another_database_keeps_the_jobs(bare: Project) -> None:
    default = bare.settings["DATABASES"]["default"]
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(bare.folder / "jobs.sqlite3")}
    bare.set(DATABASES={"default": default, "jobs": other}, LONGSHORE={"DATABASE": "jobs"})
    bare.manage("migrate", "-v0")
    bare.manage("migrate", "-v0", "--database", "jobs")
    said = bare.do(
        """
from django.db import connections, transaction
from shop.tasks import add, app
try:
    with transaction.atomic():
        add.enqueue(1, 2)
        raise KeyError
except KeyError:
    pass
print(app.store.count())
with transaction.atomic():
    add.enqueue(1, 2)
    print(app.store.count())
print(app.store.count(), "longshore_jobs" in connections["default"].introspection.table_names())
"""
    )
    assert said.splitlines() == ["{}", "{}", "{('default', 'queued'): 1} False"]
    assert "1 done" in bare.manage("longshore", "worker", "--burst")


def test_the_newest_tables_have_a_migration(tmp_path: Path) -> None:
    """Who changes the engine's tables has to write a migration for Django, and to say so in `tables`."""
    project = Project(
        tmp_path, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    )
    said = project.do(
        """
from longshore.integrations.django.tables import NEWEST
from longshore.stores.postgres.migrations import known
from longshore.stores.sqlite.schema import VERSION
from django.db.migrations.loader import MigrationLoader
made = [op.version for (app, _), one in MigrationLoader(None).disk_migrations.items() if app == "longshore"
        for op in one.operations if hasattr(op, "version")]
print(NEWEST == max(made), NEWEST == max(known()[-1].number, VERSION))
"""
    )
    assert said == "True True"
