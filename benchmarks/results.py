"""How soon who waits has a result: ``python -m benchmarks.results [URL …] [--quick]``, by default a SQLite file.

Milliseconds from the last line of the task, in another process, until `result()` or `await job` returns: so the commit of
the outcome is in it. The worker is a real one; then a thousand wait at once in one process, and the calls to the store
that their waiting costs are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.child import workers
from benchmarks.figure import Figure, Goal, table
from benchmarks.ground import Place, app_at

#: what is promised: half of the results are there within so many milliseconds
SOON = 20.0
#: seconds of rest between two jobs, and over which the ends of those many wait for are spread
PAUSE, SPREAD = 0.02, 3.0


def measure(url: str, quick: bool) -> Iterator[Figure]:
    """The figures of one store."""
    count, waiters = (50, 200) if quick else (300, 1000)
    name = url.partition(":")[0]
    with app_at(url) as app:
        where = Place(app, url)
        with workers(where, 1):
            yield from _figures(f"{name}: result()", [_blocking(where) for _ in range(count)])
            yield from _figures(f"{name}: await job", asyncio.run(_one_by_one(where, count)))
            late, calls = asyncio.run(_together(where, waiters))
            yield from _figures(f"{name}: await, {waiters} at once", late)
            # Each waiter subscribes, looks once at the start, and once when it is told; all together once a second.
            most = 2 * waiters + 2 * SPREAD + 2
            yield Figure(f"{name}: looks of {waiters} waiters", "", calls, goal=Goal("value", "<=", most))


def _figures(name: str, late: list[float]) -> Iterator[Figure]:
    late = [1000 * each for each in late]
    yield Figure(f"{name}, p50", "ms", median(late), goal=Goal("value", "<=", SOON))
    yield Figure(f"{name}, p99", "ms", quantiles(late, n=100, method="inclusive")[-1])


def _blocking(where: Place) -> float:
    time.sleep(PAUSE)
    ended = where.task("stamp_async").enqueue().result(30)
    return time.monotonic() - ended


async def _one_by_one(where: Place, count: int) -> list[float]:
    late = []
    for _ in range(count):
        await asyncio.sleep(PAUSE)
        ended = await (await where.task("stamp_async").aenqueue())
        late.append(time.monotonic() - ended)
    return late


async def _together(where: Place, count: int) -> tuple[list[float], int]:
    """So many wait before the first job is due; the jobs end one after the other."""
    calls: Counter[str] = Counter()
    task = where.task("stamp_async")
    jobs = await asyncio.gather(
        *(task.using(delay=2.0 + SPREAD * n / count).aenqueue() for n in range(count))
    )

    async def wait(job: Any) -> float:
        ended = await job
        return time.monotonic() - ended

    with _counted(where.app.store, "get", calls):
        late = await asyncio.gather(*map(wait, jobs))
    return list(late), calls["get"]


@contextmanager
def _counted(store: Any, name: str, calls: Counter[str]) -> Iterator[None]:
    call = getattr(store, name)

    def counting(*args: Any) -> Any:
        calls[name] += 1
        return call(*args)

    setattr(store, name, counting)
    try:
        yield
    finally:
        delattr(store, name)


def main() -> int:
    """0: every goal was met; 1: some were not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("urls", nargs="*", metavar="URL")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="longshore-") as folder:
        urls = given.urls or [f"sqlite:///{Path(folder) / 'jobs.db'}"]
        figures = [figure for url in urls for figure in measure(url, given.quick)]
    print(table(figures))
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
