"""Coroutine functions, in an event loop, bounded by the in-process scheduler."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from longshore.aio import Scheduler
from longshore.outcome import Outcome
from longshore.worker.execute import Execution
from longshore.worker.executors import UNBOUNDED, Ended
from longshore.worker.run import Run


class CoroutineExecutor:
    """Runs coroutines in ``loop`` with `longshore.aio.Scheduler`.

    `submit`, `withdraw` and `close` may be called from other threads. ``timed_out`` tells what a run that outlived its
    time-out comes to.
    """

    def __init__(
        self,
        limit: int,
        execution: Execution,
        ended: Ended,
        loop: asyncio.AbstractEventLoop,
        timed_out: Callable[[Run], Outcome],
    ) -> None:
        self._limit = limit
        self._execution = execution
        self._ended = ended
        self._loop = loop
        self._timed_out = timed_out
        self._scheduler: Scheduler | None = None
        self._waiting: deque[Run] = deque()
        self.active = 0

    def submit(self, runs: Sequence[Run]) -> None:
        self._waiting.extend(runs)
        self._loop.call_soon_threadsafe(self._fill)

    def capacity(self) -> int:
        return UNBOUNDED

    def withdraw(self) -> list[Run]:
        runs = []
        while self._waiting:
            try:
                runs.append(self._waiting.popleft())
            except IndexError:  # the loop took the last one meanwhile
                break
        return runs

    def close(self) -> None:
        self.withdraw()

    async def aclose(self) -> None:
        """Close the scheduler; in the loop's own thread, once nothing is wanted of it any more."""
        if self._scheduler is not None:
            await self._scheduler.close()

    def _fill(self) -> None:
        scheduler = self._scheduler
        if scheduler is None:
            # The bound is ours, because what waits must stay with us: it may have to be given back.
            scheduler = self._scheduler = Scheduler(limit=None, close_timeout=1.0)
        waiting = self._waiting
        while waiting and self.active < self._limit:
            try:
                run = waiting.popleft()
            except IndexError:  # withdrawn meanwhile
                return
            self.active += 1
            run.handle = scheduler.spawn_nowait(self._work(run), run.job.task)
            # A stop that came before is seen by the execution before it begins.
            run.stopper = self._stop

    def _stop(self, run: Run) -> None:
        # From any thread; and again each time it is asked for: a coroutine may swallow its first cancellation.
        self._loop.call_soon_threadsafe(run.handle.cancel)

    async def _work(self, run: Run) -> None:
        run.begun = time.monotonic()
        timeout = run.task.options.timeout
        timer = None if timeout is None else self._loop.call_later(timeout, self._expire, run)
        outcome = await self._execution.arun(run)
        if timer is not None:
            timer.cancel()
        self.active -= 1
        self._ended(run, outcome)
        if self._waiting:
            self._fill()

    def _expire(self, run: Run) -> None:
        run.halt(self._timed_out(run))
