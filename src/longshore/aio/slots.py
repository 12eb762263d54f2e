"""The slots: which jobs run, which wait in line, what starts next, and when all is quiet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .deadlines import Deadlines
from .job import Job
from .line import Line
from .shield import Shields
from .snapshot import Counters
from .waiting import arrives, wake


class Slots:
    """At most `limit` jobs at a time (None: any number), the others in a line of at most `pending_limit` (0: any).

    `report(job, message, error)` gets the errors nobody awaited, `unheard(future, error)` those of shielded work.
    """

    __slots__ = (
        "_cancelled",
        "_failed",
        "_idlers",
        "_report",
        "_starting",
        "_succeeded",
        "_timed_out",
        "active",
        "close_timeout",
        "deadlines",
        "limit",
        "line",
        "loop",
        "refused",
        "shields",
    )

    def __init__(
        self,
        limit: int | None,
        pending_limit: int,
        close_timeout: float | None,
        report: Callable[[Job[Any], str, BaseException], None],
        unheard: Callable[[asyncio.Future[Any], BaseException], None],
    ) -> None:
        self.limit = limit
        self.close_timeout = close_timeout
        self._report = report
        self.loop: asyncio.AbstractEventLoop | None = None  # that of the first spawn
        self.active: dict[Job[Any], None] = {}  # every slot that is taken, also by a job that was given up
        self.line = Line(pending_limit)
        self.shields = Shields(self._wake_idlers, unheard)
        self.deadlines = Deadlines()
        self.refused = 0
        self._idlers: list[asyncio.Future[bool]] = []
        self._starting = False
        self._succeeded = self._failed = self._cancelled = self._timed_out = 0

    def check_loop(self) -> asyncio.AbstractEventLoop:
        """The loop they belong to, which must be the one running here; else RuntimeError."""
        running = asyncio.get_running_loop()
        if self.loop is None:
            self.loop = running
        if running is not self.loop:
            raise RuntimeError("this scheduler is bound to a different event loop: that of its first spawn")
        return running

    # -- starting ------------------------------------------------------------------------------------------

    def place(self, job: Job[Any]) -> bool:
        """Start the job or line it up; False if there is no room. What the loop's task factory raises goes through."""
        if self.limit is None or len(self.active) < self.limit:
            self._start(job)
            return True
        return self.line.push(job)

    def _start(self, job: Job[Any]) -> None:
        self.active[job] = None
        try:
            job._start(self.loop or self.check_loop())
        except BaseException:
            del self.active[job]
            raise

    def _start_next(self) -> None:
        if self._starting:
            return  # below, on the stack: an eager task factory ends jobs inside `_start`
        self._starting = True
        try:
            while self.limit is None or len(self.active) < self.limit:
                job = self.line.pop()
                if job is None:
                    return
                job._started_at = time.monotonic()
                try:
                    self._start(job)
                except Exception as error:  # the task factory's: no failure of the job that has just ended
                    job._fail_to_start(error)
        finally:
            self._starting = False

    # -- what jobs tell ------------------------------------------------------------------------------------

    def deadline(self, job: Job[Any], timeout: float, loop: asyncio.AbstractEventLoop) -> list[Any]:
        """`job` has started, and may run for `timeout` seconds."""
        return self.deadlines.add(job, timeout, loop)

    def ended(self, job: Job[Any]) -> None:
        """The coroutine of an active job has really ended: its slot is free."""
        self.active.pop(job, None)  # `forget` may have dropped it
        if job._error is None:
            self._succeeded += 1
        if self.line.jobs:
            self._start_next()
        if self._idlers:  # also after `_start_next`: perhaps all in line were withdrawn
            self._wake_idlers()

    def withdrawn(self) -> None:
        """A job in the line was cancelled."""
        self.line.withdraw()
        self._wake_idlers()

    def not_succeeded(self, job: Job[Any], error: BaseException) -> None:
        """A job closes with `error`; called once a job."""
        if isinstance(error, asyncio.CancelledError):
            self._cancelled += 1
        elif isinstance(error, TimeoutError) and job._stop is not None:
            self._timed_out += 1
        else:
            self._failed += 1

    def report(self, job: Job[Any], message: str, error: BaseException) -> None:
        """An error of `job` that nobody awaited."""
        self._report(job, message, error)

    # -- quiet ---------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """No job is active or in line, and no shielded work is left."""
        return not (self.active or self.line.jobs or self.shields)

    async def join(self, timeout: float | None) -> bool:
        """Wait until idle; False after `timeout` seconds (None: no bound)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.idle:  # again, if somebody else was woken first and spawned
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            future: asyncio.Future[bool] = self.check_loop().create_future()
            self._idlers.append(future)
            try:
                if not await arrives(future, left):
                    return False
            finally:
                self._idlers.remove(future)
        return True

    def _wake_idlers(self) -> None:
        if self.idle:
            for idler in self._idlers:
                wake(idler)

    # -- looking -------------------------------------------------------------------------------------------

    @property
    def inside(self) -> bool:
        """Called from a job that holds a slot here?"""
        current = asyncio.current_task() if self.active else None
        return current is not None and any(job._task is current for job in self.active)

    @property
    def counters(self) -> Counters:
        """How many jobs came and how they ended."""
        ended = self._succeeded + self._failed + self._cancelled + self._timed_out
        return Counters(
            spawned=ended + len(self.line) + sum(not job.closed for job in self.active),
            succeeded=self._succeeded,
            failed=self._failed,
            cancelled=self._cancelled,
            timed_out=self._timed_out,
            refused=self.refused,
        )

    def forget(self) -> None:
        """Wait no more for what would not stop."""
        self.active.clear()
        self.shields.forget()
        self.deadlines.clear()
