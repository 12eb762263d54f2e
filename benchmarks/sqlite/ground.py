"""SQLite: a file in a temporary folder for each place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Goal
from benchmarks.ground import Place, app_at
from benchmarks.sqlite.floor import SqliteFloor

NAME = "sqlite"
GOALS = {
    "callers": Goal("ratio", ">=", 0.5),
    "async": Goal("ratio", ">=", 1 / 2),
    "sync": Goal("ratio", ">=", 1 / 3),
    "start": Goal("value", "<=", 3.0),
}


def started() -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def place() -> Iterator[Place]:
    """BENCHMARKS_DIR: on which disk."""
    with TemporaryDirectory(prefix="longshore-", dir=os.environ.get("BENCHMARKS_DIR")) as folder:
        url = f"sqlite:///{Path(folder) / 'jobs.db'}"
        with app_at(url) as app:
            yield Place(app, url)


def floor(url: str) -> SqliteFloor:
    return SqliteFloor(url.removeprefix("sqlite:///"))


def processor() -> float:
    return 0.0


def size(url: str) -> int:
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return Path(path).stat().st_size


def calls(url: str) -> int:
    return 0


def unanalyzed(url: str) -> None:
    """Nothing is analyzed."""


def version() -> str:
    return f"SQLite {sqlite3.sqlite_version}"
