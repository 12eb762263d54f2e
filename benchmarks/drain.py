"""Draining a full queue of empty tasks with real worker processes, beside bare settle-and-claim loops in as many processes.

The clock runs from the moment the waiting workers may begin (their queue is resumed; the floor's loops are told) to the
moment nothing is queued or running any more. Starting the interpreters is not in it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.child import hear, python, say, workers
from benchmarks.figure import Figure, paired
from benchmarks.ground import QUEUE, Ground, Place
from benchmarks.machine import processor

#: seconds between two looks whether it is over
LOOK = 0.01
#: seconds the workers have to come to rest before the start
REST = 0.5


class Drained(NamedTuple):
    """Jobs a second, and microseconds of processor time a job: of the processes that work, and of the server."""

    rate: float
    own: float
    server: float


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Jobs a second."""
    for jobs, rounds in ((20_000, 3),) if quick else ((20_000, 5), (200_000, 3)):
        for count in (1, 2):
            kinds = ("async", "sync") if count == 1 or ground.NAME == "sqlite" else ("async",)
            found: dict[str, list[tuple[Drained, Drained]]] = {kind: [] for kind in kinds}
            for _ in range(rounds):
                for kind in kinds:
                    found[kind].append((_real(ground, kind, jobs, count), _floor(ground, jobs, count)))
            for kind, pairs in found.items():
                yield from _figures(
                    ground, f"drain {jobs:,} {kind}, {count} worker{'s'[: count - 1]}", kind, pairs
                )


def _figures(
    ground: Ground, name: str, kind: str, pairs: Sequence[tuple[Drained, Drained]]
) -> Iterator[Figure]:
    yield paired(name, "/s", [(ours.rate, bare.rate) for ours, bare in pairs], ground.GOALS.get(kind))
    yield paired(
        f"{name}: processor of the workers", "us/job", [(ours.own, bare.own) for ours, bare in pairs]
    )
    if all(bare.server for _, bare in pairs):
        server = [(ours.server, bare.server) for ours, bare in pairs]
        yield paired(f"{name}: processor of the server", "us/job", server)


def _real(ground: Ground, kind: str, jobs: int, count: int) -> Drained:
    with ground.place() as where:
        where.fill(f"empty_{kind}", jobs)
        where.app.pause(QUEUE)
        with workers(where, count) as processes:
            return _timed(ground, where, jobs, processes, lambda: where.app.resume(QUEUE))


def _floor(ground: Ground, jobs: int, count: int) -> Drained:
    with ground.place() as where, ExitStack() as stack:
        where.fill("empty_async", jobs)
        arguments = ["-m", "benchmarks.loop", ground.NAME, "drain", where.url]
        loops = [stack.enter_context(python(arguments)) for _ in range(count)]
        for loop in loops:
            hear(loop)
        return _timed(ground, where, jobs, loops, lambda: [say(loop, "go") for loop in loops])


def _timed(
    ground: Ground,
    where: Place,
    jobs: int,
    processes: Sequence[subprocess.Popen[str]],
    go: Callable[[], object],
) -> Drained:
    time.sleep(REST)
    floor = ground.floor(where.url)
    own, server = sum(processor(each.pid) for each in processes), ground.processor()
    start = time.perf_counter()
    go()
    while floor.left():
        time.sleep(LOOK)
    seconds = time.perf_counter() - start
    own = sum(processor(each.pid) for each in processes) - own
    server = ground.processor() - server
    floor.close()
    assert where.app.store.count() == {(QUEUE, "succeeded"): jobs}
    return Drained(jobs / seconds, own / jobs * 1e6, server / jobs * 1e6)
