"""The line: jobs that wait for a slot, in order; and behind them the spawns that wait for room in the line."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

from .job import PENDING, Job
from .waiting import wake


class Line:
    """At most `limit` jobs (0: no bound), first in, first out.

    A job that is cancelled in the line stays in the deque, marked by its state, until it is met or until the
    withdrawn are the larger part: taking it out of the middle would cost the length of the line each time.
    """

    __slots__ = ("_blocked", "_withdrawn", "jobs", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.jobs: deque[Job[Any]] = deque()
        self._withdrawn = 0
        self._blocked: OrderedDict[Job[Any], asyncio.Future[bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.jobs) - self._withdrawn

    def __iter__(self) -> Iterator[Job[Any]]:
        return (job for job in self.jobs if job._state is PENDING)

    @property
    def blocked(self) -> int:
        """How many spawns wait for room."""
        return len(self._blocked)

    def push(self, job: Job[Any]) -> bool:
        """Take `job` at the end of the line; False if there is no room, as there is none while spawns wait for it."""
        if 0 < self.limit <= len(self.jobs) - self._withdrawn:
            return False
        # It will be started at the end of another job, and must see its spawner's context variables, not that one's.
        job._context = copy_context()
        self.jobs.append(job)
        return True

    async def room(self, job: Job[Any]) -> bool:
        """Wait until `job` was taken into the line; False if it never will be, as the scheduler closes."""
        job._context = copy_context()
        room: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._blocked[job] = room
        try:
            return await room
        except BaseException:
            if room.cancelled() or not room.done():
                self._blocked.pop(job, None)
                job._coro.close()
            elif room.result():  # room came in the same turn of the loop: it is in line, or running
                job.cancel()
            raise

    def pop(self) -> Job[Any] | None:
        """Take the first job out of the line; None if there is none."""
        while self.jobs:
            job = self.jobs.popleft()
            if job._state is PENDING:
                if self._blocked:
                    self._admit()
                return job
            self._withdrawn -= 1
        return None

    def withdraw(self) -> None:
        """A job in the line has been closed."""
        self._withdrawn += 1
        if self._withdrawn * 2 > len(self.jobs):
            self.jobs = deque(self)
            self._withdrawn = 0
        self._admit()

    def refuse_blocked(self) -> None:
        """Tell the spawns that wait for room that there will be none."""
        while self._blocked:
            job, room = self._blocked.popitem()
            job._coro.close()
            if not room.done():
                room.set_result(False)

    def _admit(self) -> None:
        while self._blocked and len(self) < self.limit:
            job, room = self._blocked.popitem(last=False)
            if not room.done():  # else its spawner was cancelled, and has yet to run
                self.jobs.append(job)
                wake(room)
