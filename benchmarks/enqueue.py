"""Enqueueing: one by one, by 50 concurrent async callers, in bulk; beside bare inserts of the same rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from benchmarks import floor
from benchmarks.figure import Figure, Goal, paired
from benchmarks.place import Place, place

CALLERS = 50


def measure(quick: bool) -> Iterator[Figure]:
    """Jobs a second."""
    single, gathered, bulk = (1_000, 10_000, 20_000) if quick else (3_000, 50_000, 100_000)
    pairs = 3 if quick else 5
    half = Goal("ratio", ">=", 0.5)
    yield _pairs("enqueue one by one", _one_by_one, single, 1, pairs)
    yield _pairs(
        f"aenqueue, {CALLERS} callers at once (floor: batches of 50)", _gathered, gathered, 50, pairs, half
    )
    yield _pairs(f"enqueue_many, {bulk:,} at once", _bulk, bulk, bulk, pairs)


def _pairs(
    name: str, ours: Callable[[Place, int], None], jobs: int, batch: int, pairs: int, goal: Goal | None = None
) -> Figure:
    found = []
    with place() as first, place() as second:
        connection = floor.connect(second.path)
        ours(first, 200)
        floor.insert(connection, floor.rows(200), batch)
        for _ in range(pairs):
            start = time.perf_counter()
            ours(first, jobs)
            middle = time.perf_counter()
            ready = floor.rows(jobs)
            again = time.perf_counter()
            floor.insert(connection, ready, batch)
            end = time.perf_counter()
            found.append((jobs / (middle - start), jobs / (end - again)))
        connection.close()
    return paired(name, "/s", found, goal)


def _one_by_one(where: Place, jobs: int) -> None:
    task = where.task("empty_async")
    for _ in range(jobs):
        task.enqueue()


def _gathered(where: Place, jobs: int) -> None:
    task = where.task("empty_async")

    async def caller() -> None:
        for _ in range(jobs // CALLERS):
            await task.aenqueue()

    async def callers() -> None:
        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    asyncio.run(callers())


def _bulk(where: Place, jobs: int) -> None:
    where.task("empty_async").enqueue_many([()] * jobs)
