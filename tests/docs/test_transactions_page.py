"""Every example of docs/transactions.md runs as it is printed, and stores its job."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import psycopg
import pytest

from longshore import App
from servers import postgres
from servers.shared import in_namespace

PAGE = Path(__file__).parents[2] / "docs" / "transactions.md"


def examples() -> Iterator[tuple[str, str]]:
    """(section, code), the module that all share first."""
    section = ""
    for heading, code in re.findall(r"^## ([^\n]+)$|^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        if heading:
            section = heading
        else:
            yield section, code


SHARED, *USES = list(examples())


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    """A database of its own, named by the variables that all drivers know."""
    name = f"page_{secrets.token_hex(6)}"
    postgres.query(f"CREATE DATABASE {name}")
    parts = urlsplit(postgres.server_url())
    host = parts.hostname or dict(parse_qsl(parts.query))["host"]
    names = {
        "PGHOST": host,
        "PGDATABASE": name,
        "PGUSER": parts.username or "",
        "PGPORT": str(parts.port or 5432),
    }
    if parts.password:
        names["PGPASSWORD"] = parts.password
    yield names
    postgres.query(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("section", "code"), USES, ids=[f"{section[:10]} {number}" for number, (section, _) in enumerate(USES)]
)
def test_example(section: str, code: str, database: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHARED[1])
    url = "sqlite:///shop.db" if section == "SQLite" else "postgresql:///"
    store = in_namespace(str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code.replace('App("redis://"', f'App("{store}"')],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **database, "LONGSHORE_URL": url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if section.startswith("Redis"):
        assert done.stdout == "waiting\n"
        return
    if section == "SQLite":
        with App(f"sqlite:///{tmp_path / 'shop.db'}") as app:
            assert [job.record.task for job in app.jobs.find()] == ["invoice"]
        return
    named = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    with psycopg.connect(**{key: database[name] for key, name in named.items()}) as connection:
        assert connection.execute("SELECT task, state FROM longshore.jobs").fetchall() == [
            ("invoice", "queued")
        ]
        assert len(connection.execute("SELECT * FROM orders").fetchall()) == 1


def test_there_are_examples() -> None:
    assert len(USES) == 8
