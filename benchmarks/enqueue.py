"""Enqueueing: one by one, by 50 concurrent async callers, in bulk; beside bare inserts of the same rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from benchmarks.figure import Figure, paired
from benchmarks.ground import Floor, Ground, Place, Row

CALLERS = 50

Ours = Callable[[Place, int], None]
Bare = Callable[[Floor, list[Row]], None]


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Jobs a second."""
    single, gathered, bulk = (1_000, 5_000, 20_000) if quick else (3_000, 20_000, 100_000)
    rounds = 3 if quick else 7
    client = "batches of 50" if ground.NAME == "sqlite" else "the driver's own async client, one call each"
    yield _pairs(ground, "single", "enqueue one by one", _one_by_one, _insert(1), single, rounds)
    yield _pairs(
        ground, "callers", f"aenqueue, {CALLERS} callers at once (floor: {client})", _gathered, _called, gathered, rounds
    )
    yield _pairs(ground, "bulk", f"enqueue_many, {bulk:,} at once", _bulk, _insert(bulk), bulk, rounds)


def _pairs(ground: Ground, goal: str, name: str, ours: Ours, bare: Bare, jobs: int, rounds: int) -> Figure:
    found = []
    with ground.place() as first, ground.place() as second:
        floor = ground.floor(second.url)
        ours(first, 200)
        bare(floor, floor.rows(200))
        for _ in range(rounds):
            start = time.perf_counter()
            ours(first, jobs)
            middle = time.perf_counter()
            ready = floor.rows(jobs)
            again = time.perf_counter()
            bare(floor, ready)
            end = time.perf_counter()
            found.append((jobs / (middle - start), jobs / (end - again)))
        floor.close()
    return paired(name, "/s", found, ground.GOALS.get(goal))


def _insert(batch: int) -> Bare:
    return lambda floor, rows: floor.insert(rows, batch)


def _called(floor: Floor, rows: list[Row]) -> None:
    asyncio.run(floor.call_each(rows, CALLERS))


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
