"""When jobs with a timeout of their own are over it: one timer of the event loop for all of them.

A timer a job (made, kept in the loop's heap, cancelled) costs as much as half the job; here a job costs a push, and its
end an assignment.
"""

from __future__ import annotations

import asyncio
import time
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from .job import Job

# [when (time.monotonic), a number so that jobs are never compared, the job or None once it has ended]
Entry = list[Any]


class Deadlines:
    """The deadlines of running jobs, earliest first."""

    __slots__ = ("_heap", "_numbers", "_purge_at", "_timer", "_timer_at")

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._numbers = count()
        self._purge_at = 64
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def add(self, job: Job[Any], timeout: float, loop: asyncio.AbstractEventLoop) -> Entry:
        """Let `job` expire `timeout` seconds after it started, unless the entry given back is emptied before."""
        entry: Entry = [job._started_at + timeout, next(self._numbers), job]
        heappush(self._heap, entry)
        if self._timer is None or entry[0] < self._timer_at:
            self._arm(loop)
        elif len(self._heap) >= self._purge_at:
            self._purge()
        return entry

    def clear(self) -> None:
        """Let nobody expire any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._heap[0][0]
        self._timer = loop.call_later(max(0.0, self._timer_at - time.monotonic()), self._due, loop)

    def _due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = time.monotonic()
        while self._heap and (self._heap[0][2] is None or self._heap[0][0] <= now):
            job = heappop(self._heap)[2]
            if job is not None:
                job._expire(loop)
        if self._heap:
            self._arm(loop)

    def _purge(self) -> None:
        """Drop the entries of jobs that have ended, once they may be the larger part."""
        self._heap = [entry for entry in self._heap if entry[2] is not None]
        heapify(self._heap)
        self._purge_at = max(64, 2 * len(self._heap))
