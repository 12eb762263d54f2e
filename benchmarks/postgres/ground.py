"""PostgreSQL: one server on a Unix socket for the run, a schema for each place. BENCHMARKS_POSTGRES_URL: another server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

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
_url = ""


@contextmanager
def started() -> Iterator[None]:
    global _url
    _url = os.environ.get("BENCHMARKS_POSTGRES_URL", "")
    if _url:
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="longshore-", dir=os.environ.get("BENCHMARKS_DIR")))
    folder.chmod(0o755)
    server = postgres.Server(folder / "postgres", _SETTINGS)
    try:
        server.create()
        server.start()
        _running.append(server)
        _url = server.url
        yield
    finally:
        _running.clear()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def place() -> Iterator[Place]:
    schema = f"place{next(_numbers)}"
    url = f"{_url}&schema={schema}"
    try:
        with app_at(url) as app:
            yield Place(app, url)
    finally:
        with psycopg.connect(_url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("CHECKPOINT")


def floor(url: str) -> PostgresFloor:
    return PostgresFloor(url)


def processor() -> float:
    pid = _running[0].pid if _running else None
    return used(pid) if pid is not None else 0.0


def version() -> str:
    with psycopg.connect(_url) as connection:
        return f"PostgreSQL {connection.info.server_version // 10000}, psycopg {psycopg.__version__}"
