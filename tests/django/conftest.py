"""A project for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from project import Project

from servers import postgres


def postgres_database() -> tuple[str, dict[str, Any]]:
    """A database of its own on the tests' server, and how Django is told of it."""
    name = f"django_{secrets.token_hex(6)}"
    url = postgres.server_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
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


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project whose database has no tables yet."""
    folder = tmp_path / "site"
    folder.mkdir()
    name = None
    if request.param == "sqlite":
        database = sqlite_database(folder)
    else:
        name, database = postgres_database()
    project = Project(folder, DATABASES={"default": database})
    yield project
    project.close()
    if name is not None:
        drop_database(name)


@pytest.fixture
def project(bare: Project) -> Project:
    """A project with its tables made."""
    bare.manage("migrate", "-v0")
    return bare
