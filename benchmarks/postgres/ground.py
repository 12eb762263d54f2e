"""PostgreSQL: one server on a Unix socket for the run, a schema for each place. BENCHMARKS_POSTGRES_URL: another server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.figure import Goal
from benchmarks.ground import Place, app_at
from benchmarks.machine import processor as used
from benchmarks.postgres.floor import PostgresFloor
from benchmarks.servers import postgres

NAME = "postgres"
GOALS = {
    "single": Goal("ratio", ">=", 1 / 1.3),
    "callers": Goal("ratio", ">=", 5.0),
    "bulk": Goal("ratio", ">=", 1 / 2),
    "async": Goal("ratio", ">=", 1 / 2),
    "start": Goal("value", "<=", 2.0),
}
#: What the tests switch off, as a real server has it.
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
}
_numbers = count(1)
_running: list[postgres.Server] = []
_at: list[str] = []


@contextmanager
def started() -> Iterator[None]:
    if given := os.environ.get("BENCHMARKS_POSTGRES_URL"):
        _at[:] = [given]
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="longshore-", dir=os.environ.get("BENCHMARKS_DIR")))
    folder.chmod(0o755)
    server = postgres.Server(folder / "postgres", _SETTINGS)
    try:
        server.create()
        server.start()
        _running.append(server)
        _at[:] = [server.url]
        yield
    finally:
        _running.clear()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def place() -> Iterator[Place]:
    schema = f"place{next(_numbers)}"
    url = f"{_at[0]}&schema={schema}"
    try:
        with app_at(url) as app:
            yield Place(app, url)
    finally:
        with psycopg.connect(_at[0], autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("CHECKPOINT")


def floor(url: str) -> PostgresFloor:
    return PostgresFloor(url)


def processor() -> float:
    pid = _running[0].pid if _running else None
    return used(pid) if pid is not None else 0.0


def _ask(text: str) -> Any:
    with psycopg.connect(_at[0], autocommit=True) as connection:
        found = connection.execute(text.encode()).fetchone()
        return None if found is None else found[0]


def size(url: str) -> int:
    return int(_ask(f"SELECT pg_total_relation_size('{_schema(url)}.jobs')"))


def calls(url: str) -> int:
    """Transactions. A session tells of its last ones when it ends, or a second later."""
    return int(
        _ask("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
    )


def unanalyzed(url: str) -> None:
    table = f"'{_schema(url)}.jobs'::regclass"
    unknown = f"UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0 WHERE oid = {table}"
    with psycopg.connect(_at[0], autocommit=True) as connection:
        connection.execute(f"DELETE FROM pg_statistic WHERE starelid = {table}".encode())
        connection.execute(unknown.encode())


def _schema(url: str) -> str:
    return url.rpartition("&schema=")[2]


def version() -> str:
    with psycopg.connect(_at[0]) as connection:
        return f"PostgreSQL {connection.info.server_version // 10000}, psycopg {psycopg.__version__}"
