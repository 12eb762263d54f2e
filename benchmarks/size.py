"""What jobs cost the server: bytes while they wait and once they are finished, and how often it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.child import workers
from benchmarks.figure import Figure
from benchmarks.ground import Ground

#: seconds between two looks whether it is over: few, for they count as calls
LOOK = 0.25


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Bytes, and calls per 1000 jobs."""
    jobs = 20_000 if quick else 100_000
    with ground.place() as where:
        empty = ground.size(where.url)
        where.fill("empty_async", jobs)
        yield Figure("bytes of a queued job", "B", (ground.size(where.url) - empty) / jobs)
        before = ground.calls(where.url)
        with workers(where, 1):
            floor = ground.floor(where.url)
            while floor.left():
                time.sleep(LOOK)
            floor.close()
        time.sleep(1.0)  # until every session has told what it did
        yield Figure("bytes of a finished job", "B", (ground.size(where.url) - empty) / jobs)
        if before:
            calls = ground.calls(where.url) - before
            yield Figure("calls of the server for 1,000 jobs drained", "", calls / jobs * 1000)
        before = ground.calls(where.url)
        task = where.task("empty_async")
        for _ in range(1000):
            task.enqueue()
        where.app.close()
        time.sleep(1.0)
        if before:
            yield Figure(
                "calls of the server for 1,000 jobs enqueued one by one", "", ground.calls(where.url) - before
            )
