"""A project for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from project import FORKING, Project

from servers import postgres

#: Django 5.2 has no django.tasks: there is nothing for these to test.
collect_ignore = [] if find_spec("django.tasks") else ["test_django_tasks.py"]


def postgres_database(template: str = "template0") -> tuple[str, dict[str, Any]]:
    """A database of its own on the tests' server, and how Django is told of it."""
    name = f"django_{secrets.token_hex(6)}"
    url = postgres.server_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    parts = urlsplit(url)
    return name, {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or parse_qs(parts.query).get("host", [""])[0],
        "PORT": str(parts.port or ""),
    }


def drop_database(name: str) -> None:
    with psycopg.connect(postgres.server_url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def sqlite_database(folder: Path, name: str = "db.sqlite3") -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / name),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }


@contextmanager
def site(kind: str, folder: Path, template: str | Path | None = None) -> Iterator[Project]:
    """A project on a new database, or on a copy of one."""
    folder.mkdir()
    if kind == "sqlite":
        if isinstance(template, Path):
            shutil.copy(template, folder / "db.sqlite3")
        project = Project(folder, DATABASES={"default": sqlite_database(folder)})
        yield project
        project.close()
    else:
        name, database = postgres_database(str(template or "template0"))
        project = Project(folder, DATABASES={"default": database})
        yield project
        project.close()
        drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project whose database has no tables yet."""
    with site(request.param, tmp_path / "site") as project:
        yield project


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str | Path]]:
    """Databases with the tables made, to copy."""
    with ExitStack() as stack:

        @cache
        def made(kind: str) -> str | Path:
            project = stack.enter_context(site(kind, tmp_path_factory.mktemp("migrated") / "site"))
            project.manage("migrate", "-v0")
            name: str = project.settings["DATABASES"]["default"]["NAME"]
            return Path(name) if kind == "sqlite" else name

        yield made


@pytest.fixture(scope="session", autouse=True)
def _forking() -> Iterator[None]:
    yield
    FORKING.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Callable[[str], str | Path]
) -> Iterator[Project]:
    """A project with its tables made."""
    with site(request.param, tmp_path / "site", migrated(request.param)) as project:
        yield project
