"""The floor on PostgreSQL: bare psycopg on the same tables; prepared statements, one round trip an exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from benchmarks.ground import KEEP, NONE, QUEUE, Row
from longshore.ids import new_ids

_COLUMNS: Final = "id, task, queue, args, run_at, created_at, keep"
_TYPES: Final = ("text", "text", "text", "bytea", "float8", "float8", "float8")
_ONE: Final = f"INSERT INTO jobs ({_COLUMNS}) VALUES ({', '.join(['%b'] * len(_TYPES))})"
_MANY: Final = (
    f"INSERT INTO jobs ({_COLUMNS}) SELECT * FROM unnest({', '.join(f'%b::{kind}[]' for kind in _TYPES)})"
)
_CLAIM: Final = """
WITH picked AS MATERIALIZED (
  SELECT ctid AS place FROM jobs
  WHERE state = 'queued' AND queue = %(queue)b AND priority = 0
    AND run_at <= extract(epoch FROM statement_timestamp())::float8
  ORDER BY run_at, id LIMIT %(limit)b FOR UPDATE SKIP LOCKED)
UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = 'floor', reason = NULL,
  lease_until = extract(epoch FROM statement_timestamp())::float8 + 15,
  started_at = CASE WHEN crashes > 0 THEN NULL ELSE extract(epoch FROM statement_timestamp())::float8 END
WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
RETURNING id, task, queue, args, run_at, created_at, priority, attempt, expires_at, keep, "unique", headers"""
_ID, _ATTEMPT = 0, 7
_SETTLE: Final = """
UPDATE jobs AS j SET state = 'succeeded', result = c.result, finished_at = c.at, purge_at = c.purge, lease_until = NULL
FROM unnest(%(ids)b::text[], %(attempts)b::int4[], %(results)b::bytea[], %(ats)b::float8[], %(purges)b::float8[])
  AS c (id, attempt, result, at, purge)
WHERE j.id = c.id AND j.attempt = c.attempt AND j.state = 'running'"""
_LEFT: Final = """
SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'queued') OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running')"""
#: As the store's: along the indexes, whatever the statistics say.
_PLANNING: Final = (
    "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off "
    "-c plan_cache_mode=force_generic_plan"
)
#: connections of the async callers
_POOL: Final = 16


class PostgresFloor:
    """`ground.Floor`."""

    def __init__(self, url: str) -> None:
        base, _, schema = url.rpartition("&schema=")
        self._where: dict[str, Any] = {
            "conninfo": base,
            "autocommit": True,
            "prepare_threshold": 0,
            "options": f"-c search_path={schema} {_PLANNING}",
        }
        self._connection = psycopg.connect(**self._where)

    def close(self) -> None:
        self._connection.close()

    def rows(self, count: int) -> list[Row]:
        now = time.time()
        name, args = "benchmarks.tasks.empty_async", b"\x01\x90"
        return [(i, name, QUEUE, args, now, now, KEEP) for i in new_ids(count)]

    def insert(self, jobs: Sequence[Row], batch: int) -> None:
        if batch == 1:
            for job in jobs:
                self._connection.execute(_ONE, job)
            return
        for start in range(0, len(jobs), batch):
            columns = [list(column) for column in zip(*jobs[start : start + batch], strict=True)]
            self._connection.execute(_MANY, columns)

    def exchange(self, done: Sequence[Row], limit: int, result: bytes = NONE) -> list[Row]:
        if not done:
            return self._claim(limit).fetchall()
        with self._connection.pipeline():
            self._settle(done, result)
            claimed = self._claim(limit) if limit else None
        return claimed.fetchall() if claimed is not None else []

    def _claim(self, limit: int) -> psycopg.Cursor[Row]:
        return self._connection.execute(_CLAIM, {"queue": QUEUE, "limit": limit}, binary=True)

    def _settle(self, jobs: Sequence[Row], result: bytes) -> None:
        now, count = time.time(), len(jobs)
        values = {
            "ids": [job[_ID] for job in jobs],
            "attempts": [job[_ATTEMPT] for job in jobs],
            "results": [result] * count,
            "ats": [now] * count,
            "purges": [now + KEEP] * count,
        }
        self._connection.execute(_SETTLE, values)

    def left(self) -> bool:
        found = self._connection.execute(_LEFT).fetchone()
        assert found is not None
        return bool(found[0])

    def result(self, row: Row) -> bytes:
        found = self._connection.execute(
            "SELECT result FROM jobs WHERE id = %s", row[:1], binary=True
        ).fetchone()
        assert found is not None
        return bytes(found[0])

    async def call_each(self, jobs: Sequence[Row], callers: int) -> None:
        free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
        for _ in range(_POOL):
            free.put_nowait(await psycopg.AsyncConnection.connect(**self._where))
        waiting = iter(jobs)

        async def caller() -> None:
            for job in waiting:
                connection = await free.get()
                await connection.execute(_ONE, job)
                free.put_nowait(connection)

        await asyncio.gather(*[caller() for _ in range(callers)])
        while not free.empty():
            await free.get_nowait().close()
