"""Enqueueing: one by one, by 50 concurrent async callers, in bulk; beside bare inserts of the same rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

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
    cases: list[tuple[str, str, Ours, Bare, int]] = [
        ("single", "enqueue one by one", _one_by_one, _insert(1), single),
        ("callers", f"aenqueue, {CALLERS} callers at once (floor: {client})", _gathered, _called, gathered),
        ("bulk", f"enqueue_many, {bulk:,} at once", _bulk, _insert(bulk), bulk),
    ]
    for goal, name, ours, bare, jobs in cases:
        pairs = list(_pairs(ground, ours, bare, jobs, rounds))
        rates = [(jobs / own.seconds, jobs / floor.seconds) for own, floor in pairs]
        yield paired(name, "/s", rates, ground.GOALS.get(goal))
        used = [(own.used / jobs * 1e6, floor.used / jobs * 1e6) for own, floor in pairs]
        yield paired(f"{name.partition(' (')[0]}: processor, with the server's", "us/job", used)


class Took(NamedTuple):
    """Seconds, and seconds of processor time of both sides."""

    seconds: float
    used: float


def _pairs(ground: Ground, ours: Ours, bare: Bare, jobs: int, rounds: int) -> Iterator[tuple[Took, Took]]:
    with ground.place() as first, ground.place() as second:
        floor = ground.floor(second.url)
        ours(first, 200)
        bare(floor, floor.rows(200))
        for _ in range(rounds):
            own = _timed(ground, lambda: ours(first, jobs))
            ready = floor.rows(jobs)
            yield own, _timed(ground, lambda ready=ready: bare(floor, ready))
        floor.close()


def _timed(ground: Ground, function: Callable[[], object]) -> Took:
    server, own, start = ground.processor(), time.process_time(), time.perf_counter()
    function()
    return Took(time.perf_counter() - start, time.process_time() - own + ground.processor() - server)


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
