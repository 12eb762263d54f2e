"""Working through a long queue: a million due, as many for later (half of them at a better priority), and finished ones.

Workers have some seconds each; what they finished meanwhile is counted. The table was just filled, and the server knows
nothing about it. Beside bare loops on the same, and beside real workers on a queue of nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.child import hear, python, say, workers
from benchmarks.drain import REST
from benchmarks.figure import Figure, paired
from benchmarks.ground import QUEUE, Ground, Place

_LATER = 86_400.0


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Jobs a second."""
    crowd, seconds, rounds = (150_000, 0.5, 2) if quick else (1_000_000, 2.0, 3)
    with ground.place() as full:
        _crowd(full, crowd)
        ground.unanalyzed(full.url)
        found = [
            (_ours(full, seconds), _bare(ground, full, seconds), _short(ground, seconds))
            for _ in range(rounds)
        ]
    name = f"drain for {seconds:g} s beside {crowd:,} due, {crowd:,} for later, {crowd // 10:,} finished"
    yield paired(name, "/s", [(ours, bare) for ours, bare, _ in found], ground.GOALS.get("async"))
    yield paired(f"{name}, against a short queue", "/s", [(ours, short) for ours, _, short in found])


def _crowd(where: Place, crowd: int) -> None:
    where.fill("empty_async", crowd // 10)
    with workers(where, 1):
        while where.app.store.count().get((QUEUE, "succeeded"), 0) < crowd // 10:
            time.sleep(0.2)
    where.app.pause(QUEUE)
    for priority in (0, 10):
        where.fill("empty_async", crowd // 2, delay=_LATER, priority=priority)
    where.fill("empty_async", crowd)


def _finished(where: Place) -> int:
    return where.app.store.count().get((QUEUE, "succeeded"), 0)


def _during(where: Place, seconds: float, go: Callable[[], object], stop: Callable[[], object]) -> float:
    before = _finished(where)
    start = time.perf_counter()
    go()
    time.sleep(seconds)
    stop()
    took = time.perf_counter() - start
    until = time.monotonic() + 30
    while where.app.store.count().get((QUEUE, "running")) and time.monotonic() < until:
        time.sleep(0.1)
    return (_finished(where) - before) / took


def _ours(where: Place, seconds: float) -> float:
    where.app.pause(QUEUE)
    with workers(where, 1):
        time.sleep(REST)
        return _during(where, seconds, lambda: where.app.resume(QUEUE), lambda: where.app.pause(QUEUE))


def _bare(ground: Ground, where: Place, seconds: float) -> float:
    with python(["-m", "benchmarks.loop", ground.NAME, "drain", where.url]) as loop:
        hear(loop)
        return _during(where, seconds, lambda: say(loop, "go"), lambda: say(loop, "stop"))


def _short(ground: Ground, seconds: float) -> float:
    with ground.place() as where:
        where.fill("empty_async", int(80_000 * seconds))
        return _ours(where, seconds)
