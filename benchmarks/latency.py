"""How soon a job starts in another, idle process, and how soon its result is back; beside the same by hand.

The floor: insert and commit, ring a socket; the other process claims and commits, notes the time, settles and commits, rings
back; the caller reads the result. Both sides sync to disk three times.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median, quantiles

from benchmarks import floor
from benchmarks.child import hear, python, workers
from benchmarks.figure import Figure, Goal
from benchmarks.place import Place, place

#: seconds of rest between two jobs
PAUSE = 0.02

#: (until it started, until the caller had its result)
Sample = tuple[float, float]


def measure(quick: bool) -> Iterator[Figure]:
    """Milliseconds."""
    count, rested = (60, 4) if quick else (300, 20)
    with ExitStack() as stack:
        first, second = stack.enter_context(place()), stack.enter_context(place())
        stack.enter_context(workers(first, 1))
        server = stack.enter_context(python(["-m", "benchmarks.floor", "serve", second.path]))
        hear(server)
        caller = _Caller(second.path)
        for kind in ("async", "sync"):
            ours, bare = _samples(lambda kind=kind: _ours(first, kind), caller.call, count, PAUSE)
            yield from _figures(f"{kind} task", ours, bare, Goal("value", "<=", 3.0))
        with asyncio.Runner() as runner:
            ours, bare = _samples(lambda: runner.run(_awaited(first)), caller.call, count, PAUSE)
            yield from list(_figures("async task, aenqueue and await", ours, bare))[2:]
        ours, bare = _samples(lambda: _ours(first, "async"), caller.call, rested, 1.0)
        yield from list(_figures("async task after 1 s of rest", ours, bare, Goal("value", "<=", 3.0)))[::2]
        caller.close()


def _samples(
    ours: Callable[[], Sample], bare: Callable[[], Sample], count: int, pause: float
) -> tuple[list[Sample], list[Sample]]:
    found: tuple[list[Sample], list[Sample]] = ([], [])
    for number in range(count + 3):
        for samples, call in zip(found, (ours, bare), strict=True):
            time.sleep(pause)
            sample = call()
            if number >= 3:
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

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection = floor.connect(path)
        self._ear: socket.socket = floor.bell(f"{path}-caller")
        self._ear.settimeout(30)

    def call(self) -> Sample:
        [row] = floor.rows(1)
        asked = time.monotonic()
        floor.insert(self._connection, [row], 1)
        self._ear.sendto(b"!", f"{self._path}-worker")
        self._ear.recv(1)
        found = self._connection.execute("SELECT result FROM longshore_jobs WHERE id = ?", (row[0],))
        (began,) = struct.unpack("d", found.fetchone()[0])
        return began - asked, time.monotonic() - asked

    def close(self) -> None:
        self._ear.close()
        self._connection.close()
