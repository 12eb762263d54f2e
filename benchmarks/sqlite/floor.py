"""The floor on SQLite: bare ``sqlite3`` on the same tables, WAL with synchronous=FULL, as fast as sensible."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Final

from benchmarks.ground import KEEP, NONE, QUEUE, Row
from longshore.ids import new_ids

_WRITTEN: Final = (
    "id", "task", "queue", "args", "run_at", "created_at", "priority", "state", "expires_at", "keep", "unique",
    "unique_mode", "headers",
)  # fmt: skip
#: What a worker must know of a job at its first attempt.
_READ: Final = (*_WRITTEN[:7], "attempt", *_WRITTEN[8:])
_ID, _ATTEMPT = _READ.index("id"), _READ.index("attempt")
_CLAIM: Final = f"""
UPDATE longshore_jobs SET state = 'running', attempt = attempt + 1, worker = :worker, lease_until = :until,
  started_at = CASE WHEN crashes THEN NULL ELSE :now END, reason = NULL
WHERE seq IN (
  SELECT seq FROM longshore_jobs INDEXED BY longshore_due
  WHERE state = 'queued' AND queue = :queue AND priority = 0 AND run_at <= :now
  ORDER BY run_at, id LIMIT :limit)
RETURNING {", ".join(f'"{name}"' for name in _READ)}"""
_LEFT: Final = (
    "SELECT EXISTS (SELECT 1 FROM longshore_jobs WHERE state = 'queued') "
    "OR EXISTS (SELECT 1 FROM longshore_jobs WHERE state = 'running')"
)


class SqliteFloor:
    """`ground.Floor`. Its connection is set as the store's own connections are."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=256)
        for setting in (
            "busy_timeout = 0",
            "synchronous = FULL",
            "temp_store = MEMORY",
            "cache_size = -16000",
        ):
            self.connection.execute(f"PRAGMA {setting}")

    def close(self) -> None:
        self.connection.close()

    def rows(self, count: int) -> list[Row]:
        now = time.time()
        name, args = "benchmarks.tasks.empty_async", b"\x01\x90"
        return [
            (i, name, QUEUE, args, now, now, 0, "queued", None, KEEP, None, None, None)
            for i in new_ids(count)
        ]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE, after waiting for others as the store waits, to COMMIT."""
        pause = 0.0002
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
            time.sleep(random.uniform(0.5, 1.0) * pause)
            pause = min(pause * 1.5, 0.01)
        yield
        self.connection.execute("COMMIT")

    def insert(self, jobs: Sequence[Row], batch: int) -> None:
        for start in range(0, len(jobs), batch):
            with self.transaction():
                self._insert(jobs[start : start + batch])

    def _insert(self, jobs: Sequence[Row]) -> None:
        for start in range(0, len(jobs), 64):
            part = jobs[start : start + 64]
            self.connection.execute(_inserting(len(part)), list(chain.from_iterable(part)))

    def exchange(self, done: Sequence[Row], limit: int, result: bytes = NONE) -> list[Row]:
        with self.transaction():
            self._settle(done, result)
            return self._claim(limit) if limit else []

    def _claim(self, limit: int) -> list[Row]:
        now = time.time()
        values = {"worker": "floor", "until": now + 15, "now": now, "queue": QUEUE, "limit": limit}
        return self.connection.execute(_CLAIM, values).fetchall()

    def _settle(self, jobs: Sequence[Row], result: bytes) -> None:
        now = time.time()
        for start in range(0, len(jobs), 64):
            part = [(job[_ID], job[_ATTEMPT], result, now, now + KEEP) for job in jobs[start : start + 64]]
            self.connection.execute(_settling(len(part)), list(chain.from_iterable(part)))

    def left(self) -> bool:
        return bool(self.connection.execute(_LEFT).fetchone()[0])

    def result(self, row: Row) -> bytes:
        found = self.connection.execute(
            "SELECT result FROM longshore_jobs WHERE id = ?", (row[0],)
        ).fetchone()
        return bytes(found[0])

    async def call_each(self, jobs: Sequence[Row], callers: int) -> None:
        """There is no async driver of its own: batches of as many as there are callers."""
        self.insert(jobs, callers)


@cache
def _inserting(count: int) -> str:
    # One statement for many rows is a third faster than `executemany`.
    row = f"({', '.join('?' * len(_WRITTEN))})"
    names = ", ".join(f'"{name}"' for name in _WRITTEN)
    return f"INSERT INTO longshore_jobs ({names}) VALUES {', '.join([row] * count)}"


@cache
def _settling(count: int) -> str:
    return (
        "UPDATE longshore_jobs INDEXED BY longshore_ids SET state = 'succeeded', result = column3, "
        "finished_at = column4, lease_until = NULL, purge_at = column5 "
        f"FROM (VALUES {', '.join(['(?, ?, ?, ?, ?)'] * count)}) AS done "
        "WHERE id = done.column1 AND attempt = done.column2 AND state = 'running'"
    )
