"""What a crowd in the table costs: a million jobs for later, or a million due, against an empty table.

The jobs for later are of two priorities, one of them better than that of the jobs that are claimed. Statements are timed as
they go to the store: 50 jobs added, claimed and settled, in tables that take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.figure import Figure, Goal, paired
from benchmarks.ground import NONE, Ground, Place, Row
from benchmarks.sqlite.floor import SqliteFloor
from longshore import model
from longshore.model import Claim, JobRecord

T = TypeVar("T")

AT_ONCE = 50
CLAIM = Claim("benchmark", AT_ONCE, 15.0, None)
_LATER = 86_400.0


@dataclass
class Table:
    """A place with a crowd in it, and the times taken there, in microseconds."""

    name: str
    where: Place
    floor: SqliteFloor
    times: dict[str, list[float]] = field(default_factory=dict)

    def time(self, what: str, function: Callable[[], T]) -> T:
        """Do it, and note how long it took."""
        start = time.perf_counter()
        answer = function()
        self.times.setdefault(what, []).append((time.perf_counter() - start) * 1e6)
        return answer

    def pairs(self, what: str, other: str) -> Iterator[tuple[float, float]]:
        """The times of two things done in turns."""
        return zip(self.times[what], self.times[other], strict=True)


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Microseconds."""
    crowd, rounds = (100_000, 40) if quick else (1_000_000, 100)
    with ExitStack() as stack:
        places = [stack.enter_context(ground.place()) for _ in range(3)]
        _later(places[1], crowd)
        places[2].fill("empty_async", crowd)
        names = ("an empty table", f"{crowd:,} for later", f"{crowd:,} due")
        tables = [
            Table(name, where, SqliteFloor(where.url.removeprefix("sqlite:///")))
            for name, where in zip(names, places, strict=True)
        ]
        for _ in range(rounds):
            for table in tables:
                _round(table)
        for table in tables:
            table.floor.close()
    for what in ("add", "claim"):
        for table in tables:
            yield paired(f"{what} {AT_ONCE}, {table.name}", "us", table.pairs(what, f"bare {what}"))
        empty = tables[0].times[what]
        for table in tables[1:]:
            pairs = zip(table.times[what], empty, strict=True)
            goal = Goal("ratio", "<=", 2.0) if what == "claim" and "later" in table.name else None
            yield paired(f"{what} {AT_ONCE}, {table.name}, against an empty table", "us", pairs, goal)


def _later(where: Place, crowd: int) -> None:
    task = where.task("empty_async")
    for priority in (0, 10):
        later = task.using(delay=_LATER, priority=priority)
        for start in range(0, crowd // 2, 50_000):
            later.enqueue_many([()] * min(50_000, crowd // 2 - start))


def _round(table: Table) -> None:
    store = table.where.app.store
    now = store.now()
    fresh = [_fresh(row, now) for row in table.floor.rows(AT_ONCE)]
    table.time("add", lambda: store.add(fresh))
    claimed = table.time("claim", lambda: store.exchange([], CLAIM).jobs)
    assert len(store.apply([model.succeeded(job, NONE, now) for job in claimed])) == AT_ONCE
    bare = table.floor.rows(AT_ONCE)
    table.time("bare add", lambda: table.floor.insert(bare, AT_ONCE))
    taken = table.time("bare claim", lambda: table.floor.exchange([], AT_ONCE))
    table.floor.exchange(taken, 0)


def _fresh(row: Row, now: float) -> JobRecord:
    return JobRecord(row[0], row[1], row[2], row[3], now, now)
