"""What the in-process scheduler costs, beside asyncio alone and beside aiojobs, all in one run.

    python -m benchmarks.aio [--jobs 100000] [--rounds 5] [--limit 100]

Time: spawn and finish so many empty coroutines, at most `limit` at a time; the ways take turns, so that a machine that
slows down slows them all. The ratio is that of the medians to plain `create_task` under a semaphore, in its faster form:
the spawner acquires, a done callback releases. Memory: what one job holds while it waits for its turn, the coroutine
included.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import aiojobs

from longshore.aio import Scheduler

Way = Callable[[int, int], Awaitable[None]]


async def empty() -> None:
    pass


async def semaphore(jobs: int, limit: int) -> None:
    slots, tasks = asyncio.Semaphore(limit), set[asyncio.Task[None]]()

    def done(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        slots.release()

    for _ in range(jobs):
        await slots.acquire()
        task = asyncio.create_task(empty())
        tasks.add(task)
        task.add_done_callback(done)
    await asyncio.gather(*tasks)


async def semaphore_inside(jobs: int, limit: int) -> None:
    slots = asyncio.Semaphore(limit)

    async def bounded() -> None:
        async with slots:
            await empty()

    await asyncio.gather(*[asyncio.create_task(bounded()) for _ in range(jobs)])


async def task_group(jobs: int, limit: int) -> None:
    slots = asyncio.Semaphore(limit)

    async def bounded() -> None:
        try:
            await empty()
        finally:
            slots.release()

    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            await slots.acquire()
            group.create_task(bounded())


async def with_aiojobs(jobs: int, limit: int) -> None:
    async with aiojobs.Scheduler(limit=limit) as scheduler:
        for _ in range(jobs):
            await scheduler.spawn(empty())


async def with_longshore(jobs: int, limit: int) -> None:
    async with Scheduler(limit=limit) as scheduler:
        for _ in range(jobs):
            await scheduler.spawn(empty())


async def with_longshore_timeout(jobs: int, limit: int) -> None:
    async with Scheduler(limit=limit) as scheduler:
        for _ in range(jobs):
            await scheduler.spawn(empty(), timeout=60)


async def with_longshore_map(jobs: int, limit: int) -> None:
    async with Scheduler(limit=limit) as scheduler:
        async for _ in scheduler.map(lambda _: empty(), range(jobs)):
            pass


WAYS: dict[str, Way] = {
    "asyncio: create_task + semaphore": semaphore,
    "asyncio: semaphore inside each task": semaphore_inside,
    "asyncio: TaskGroup + semaphore": task_group,
    f"aiojobs {aiojobs.__version__}": with_aiojobs,
    "longshore.aio": with_longshore,
    "longshore.aio, each with a timeout": with_longshore_timeout,
    "longshore.aio, map over all": with_longshore_map,
}


def measure(jobs: int, limit: int, rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            gc.collect()
            started = time.perf_counter()
            asyncio.run(way(jobs, limit))  # type: ignore[arg-type]
            seconds[name].append(time.perf_counter() - started)
    return seconds


def print_times(seconds: dict[str, list[float]], jobs: int) -> None:
    base = statistics.median(next(iter(seconds.values())))
    print("| way | µs a job | jobs/s | lowest to highest, µs | ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, each in seconds.items():
        median, low, high = (value / jobs * 1e6 for value in (statistics.median(each), min(each), max(each)))
        print(
            f"| {name} | {median:.2f} | {1e6 / median:,.0f} | {low:.2f} to {high:.2f} | {median * jobs / 1e6 / base:.2f} |"
        )


@contextmanager
def bytes_held(sizes: list[int]) -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()


async def print_memory(pending: int) -> None:
    print(f"\n| {pending:,} waiting for their turn | bytes a job |\n| --- | ---: |")
    for name, hold in (
        ("the coroutine alone", hold_coroutines),
        ("asyncio: a task that waits for the semaphore", hold_tasks),
        (f"aiojobs {aiojobs.__version__}: a pending job", hold_aiojobs),
        ("longshore.aio: a pending job", hold_longshore),
    ):
        sizes: list[int] = []
        await hold(pending, sizes)
        print(f"| {name} | {sizes[0] / pending:,.0f} |")


async def hold_coroutines(pending: int, sizes: list[int]) -> None:
    with bytes_held(sizes):
        held = [empty() for _ in range(pending)]
    for coro in held:
        coro.close()


async def hold_tasks(pending: int, sizes: list[int]) -> None:
    slots = asyncio.Semaphore(0)

    async def bounded() -> None:
        async with slots:
            await empty()

    with bytes_held(sizes):
        tasks = [asyncio.create_task(bounded()) for _ in range(pending)]
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def hold_aiojobs(pending: int, sizes: list[int]) -> None:
    async with aiojobs.Scheduler(limit=1, pending_limit=0) as scheduler:
        with bytes_held(sizes):
            for _ in range(pending):
                await scheduler.spawn(empty())


async def hold_longshore(pending: int, sizes: list[int]) -> None:
    async with Scheduler(limit=1, pending_limit=0) as scheduler:
        with bytes_held(sizes):
            for _ in range(pending):
                await scheduler.spawn(empty())


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=100)
    options = parser.parse_args(words)
    print(
        f"{options.jobs:,} empty coroutines, limit {options.limit}, median of {options.rounds} rounds; ",
        end="",
    )
    print(f"Python {platform.python_version()}\n")
    print_times(measure(options.jobs, options.limit, options.rounds), options.jobs)
    asyncio.run(print_memory(10_000))


if __name__ == "__main__":
    main()
