"""How soon a job starts in another, idle process, and how soon its result is back; beside the same by hand.

The floor: insert and commit, ring a socket; the other process claims and commits, notes the time, settles and commits, rings
back; the caller reads the result.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from benchmarks.child import hear, python, workers
from benchmarks.figure import Figure, Goal
from benchmarks.ground import Floor, Ground, Place
from benchmarks.loop import bell

#: seconds of rest between two jobs
PAUSE = 0.02

#: (until it started, until the caller had its result)
Sample = tuple[float, float]


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Milliseconds."""
    goal = ground.GOALS["start"]
    with ExitStack() as stack:
        first, second = stack.enter_context(ground.place()), stack.enter_context(ground.place())
        folder = stack.enter_context(TemporaryDirectory(prefix="longshore-"))
        stack.enter_context(workers(first, 1))
        serving = ["-m", "benchmarks.loop", ground.NAME, "serve", second.url, folder]
        hear(stack.enter_context(python(serving)))
        caller = _Caller(ground.floor(second.url), folder)
        stack.callback(caller.close)
        for kind in ("async", "sync"):
            ours, bare = _samples(
                lambda kind=kind: _ours(first, kind), caller.call, 60 if quick else 300, PAUSE
            )
            yield from _figures(f"{kind} task", ours, bare, goal)
        with asyncio.Runner() as runner:
            ours, bare = _samples(
                lambda: runner.run(_awaited(first)), caller.call, 60 if quick else 300, PAUSE
            )
            yield from list(_figures("async task, aenqueue and await", ours, bare))[2:]
        for rest, count in ((1.0, 4),) if quick else ((1.0, 20), (30.0, 6)):
            ours, bare = _samples(lambda: _ours(first, "async"), caller.call, count, rest, warm=0)
            yield from list(_figures(f"async task after {rest:g} s of rest", ours, bare, goal))[::2]


def _samples(
    ours: Callable[[], Sample], bare: Callable[[], Sample], count: int, pause: float, warm: int = 3
) -> tuple[list[Sample], list[Sample]]:
    found: tuple[list[Sample], list[Sample]] = ([], [])
    for number in range(count + warm):
        # A long rest is one for both.
        time.sleep(pause)
        for samples, call in zip(found, (ours, bare), strict=True):
            sample = call()
            if pause == PAUSE:
                time.sleep(pause)
            if number >= warm:
                samples.append(sample)
    return found


def _figures(name: str, ours: list[Sample], bare: list[Sample], goal: Goal | None = None) -> Iterator[Figure]:
    for what, column in (("start", 0), ("result", 1)):
        values, floors = ([sample[column] * 1000 for sample in samples] for samples in (ours, bare))
        for label, take in (("p50", median), ("p99", _p99)):
            value, least = take(values), take(floors)
            wanted = goal if (what, label) == ("start", "p50") else None
            yield Figure(f"enqueue to {what}, {name}, {label}", "ms", value, least, value / least, wanted)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[-1]


def _ours(where: Place, kind: str) -> Sample:
    task = where.task(f"stamp_{kind}")
    asked = time.monotonic()
    began = task.enqueue().result(30)
    return began - asked, time.monotonic() - asked


async def _awaited(where: Place) -> Sample:
    task = where.task("stamp_async")
    asked = time.monotonic()
    began = await (await task.aenqueue())
    return began - asked, time.monotonic() - asked


class _Caller:
    """The floor's caller."""

    def __init__(self, floor: Floor, folder: str) -> None:
        self._floor, self._folder = floor, folder
        self._ear: socket.socket = bell(f"{folder}/caller")
        self._ear.settimeout(30)

    def call(self) -> Sample:
        [row] = self._floor.rows(1)
        asked = time.monotonic()
        self._floor.insert([row], 1)
        self._ear.sendto(b"!", f"{self._folder}/worker")
        self._ear.recv(1)
        (began,) = struct.unpack("d", self._floor.result(row))
        return began - asked, time.monotonic() - asked

    def close(self) -> None:
        self._ear.close()
        self._floor.close()
