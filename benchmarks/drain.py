"""Draining a full queue of empty tasks with real worker processes, beside bare settle-and-claim loops in as many processes.

The clock runs from the moment the waiting workers may begin (their queue is resumed; the floor's loops are told) to the
moment nothing is queued or running any more. Starting the interpreters is not in it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks.child import hear, python, say, workers
from benchmarks.figure import Figure, Goal, paired
from benchmarks.place import QUEUE, place

#: seconds between two looks whether it is over
LOOK = 0.002
#: seconds the workers have to come to rest before the start
REST = 0.5
_LEFT = (
    "SELECT EXISTS (SELECT 1 FROM longshore_jobs WHERE state = 'queued') "
    "OR EXISTS (SELECT 1 FROM longshore_jobs WHERE state = 'running')"
)
GOALS = {"async": Goal("ratio", ">=", 1 / 2), "sync": Goal("ratio", ">=", 1 / 3)}


def measure(quick: bool) -> Iterator[Figure]:
    """Jobs a second."""
    for jobs, pairs in ((20_000, 3),) if quick else ((20_000, 5), (200_000, 3)):
        for count in (1, 2):
            for kind, goal in GOALS.items():
                found = [(_real(kind, jobs, count), _floor(jobs, count)) for _ in range(pairs)]
                plural = "worker" if count == 1 else "workers"
                yield paired(f"drain {jobs:,} {kind}, {count} {plural}", "/s", found, goal)


def _real(kind: str, jobs: int, count: int) -> float:
    with place() as where:
        where.fill(f"empty_{kind}", jobs)
        where.app.pause(QUEUE)
        with workers(where, count):
            time.sleep(REST)
            seconds = _watch(where.path, lambda: where.app.resume(QUEUE))
        assert where.app.store.count() == {(QUEUE, "succeeded"): jobs}
    return jobs / seconds


def _floor(jobs: int, count: int) -> float:
    with place() as where, ExitStack() as stack:
        where.fill("empty_async", jobs)
        arguments = ["-m", "benchmarks.floor", "drain", where.path]
        loops = [stack.enter_context(python(arguments)) for _ in range(count)]
        for loop in loops:
            hear(loop)
        time.sleep(REST)
        seconds = _watch(where.path, lambda: [say(loop, "go") for loop in loops])
        assert where.app.store.count() == {(QUEUE, "succeeded"): jobs}
    return jobs / seconds


def _watch(path: str, go: Callable[[], object]) -> float:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        start = time.perf_counter()
        go()
        while connection.execute(_LEFT).fetchone()[0]:
            time.sleep(LOOK)
        return time.perf_counter() - start
    finally:
        connection.close()
