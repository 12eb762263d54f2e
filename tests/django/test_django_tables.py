"""``migrate``, ``sqlmigrate``, ``check`` and databases besides the default one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from project import Project


def test_tables_are_a_migration_like_others(bare: Project) -> None:
    said = bare.do(
        """
from django.core.management import call_command
call_command("migrate", "--plan")
call_command("sqlmigrate", "longshore", "0001")
for words in ("migrate",), ("migrate",), ("migrate", "longshore", "zero"), ("migrate",):
    call_command(*words, verbosity=0)
call_command("makemigrations", "--check", "--dry-run")
call_command("check")
call_command("longshore", "migrate")
"""
    )
    for text in (
        "Tables for jobs, version 1",
        "CREATE TABLE",
        "No changes",
        "no issues",
        "nothing was to be done",
    ):
        assert text in said


def test_without_tables_it_is_said_what_makes_them(bare: Project) -> None:
    said = bare.manage("longshore", "worker", "--burst", code=5)
    assert "make them: python manage.py migrate" in said
    said = bare.do(
        """
from django.core.management import call_command
from longshore.errors import SchemaError
from shop.tasks import add
try:
    add.enqueue(1, 2)
except SchemaError as error:
    print(error)
call_command("migrate", verbosity=0)
add.enqueue(1, 2)
call_command("longshore", "worker", "--burst")
try:
    call_command("longshore", "jobs", "shw")
except Exception as error:
    print(error, error.returncode)
"""
    )
    assert "the tables for jobs in database 'default' are not there" in said
    assert "1 done" in said
    assert said.endswith("longshore ended with 2 2")


#: A setting -> what is said of it.
MISTAKES: dict[str, tuple[Any, list[str]]] = {
    "many": (
        {"LEASES": 3, "SWEEP": -1, "DATABASE": "other", "MIDDLEWARE": ["shop.nothing.There"], "EAGER": "yes"},
        [
            "longshore.E002", 'did you mean "LEASE"', "longshore.E003", "SWEEP", "longshore.E004",
            "Name one of DATABASES: default", "longshore.E007", "shop.nothing.There", "'EAGER'",
        ],
    ),
    "store": ({"STORE": "redsi://secret:word@host"}, ["longshore.E006", "redis://"]),
    "no list": ({"MODULES": 5}, ["longshore.E003", 'Write a list of module names: ["tasks"]']),
    "no database": ({"DATABASE": "other", "SUPERVISE": {"queues": ["a b"]}}, ["longshore.E004", "'a b'"]),
    "no dict": ([], ["longshore.E001"]),
    "right": ({}, ["longshore.W012", "transaction_mode"]),
}  # fmt: skip


@pytest.mark.parametrize("bare", ["sqlite"], indirect=True)
def test_every_mistake_is_named(bare: Project) -> None:
    default = bare.settings["DATABASES"]["default"]
    bare.set(DATABASES={"default": {**default, "OPTIONS": {}}})
    said = json.loads(
        bare.do(
            f"""
import json
from django.core.checks import run_checks
from django.test import override_settings
def found(setting):
    with override_settings(LONGSHORE=setting):
        return "\\n".join(str(message) for message in run_checks())
print(json.dumps({{name: found(setting) for name, (setting, _) in {MISTAKES!r}.items()}}))
"""
        )
    )
    missed = [
        (name, text) for name, (_, texts) in MISTAKES.items() for text in texts if text not in said[name]
    ]
    assert missed == []
    assert "word" not in said["store"]
    bare.set(LONGSHORE={"LEASES": 3, "SUPERVISE": {"queues": ["a b"]}})
    assert "longshore.E002" in bare.manage("runserver", "--noreload", "127.0.0.1:0", code=1)


def test_another_database_keeps_the_jobs(bare: Project) -> None:
    default = bare.settings["DATABASES"]["default"]
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(bare.folder / "jobs.sqlite3")}
    bare.set(DATABASES={"default": default, "jobs": other}, LONGSHORE={"DATABASE": "jobs"})
    said = bare.do(
        """
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("migrate", "--database", "jobs", verbosity=0)
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
print("longshore_jobs" in connections["default"].introspection.table_names())
call_command("longshore", "worker", "--burst")
print(app.store.count())
"""
    ).splitlines()
    assert said[:3] == ["{}", "{}", "False"]
    assert said[-1] == "{('default', 'succeeded'): 1}"


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
