"""Coroutine functions, in an event loop, bounded by the in-process scheduler."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context, copy_context
from types import coroutine
from typing import Any, Final, TypeVar

from longshore.aio import Job, Scheduler
from longshore.outcome import Outcome
from longshore.worker.execute import Execution
from longshore.worker.executors import UNBOUNDED, Ended
from longshore.worker.run import Run

T = TypeVar("T")

#: seconds after which a lane lets the rest of the loop have its turn
SLICE: Final = 0.001
#: lanes that are made at a time
FEW: Final = 8


class Lane:
    """Runs jobs one after the other in one asyncio task, for making a task takes longer than a small job itself.

    A job that waits for something holds its lane: it has the task to itself from then on, and the lane ends with it.
    """

    __slots__ = ("held", "job", "run")

    def __init__(self) -> None:
        self.run: Run | None = None
        self.held = False
        self.job: Job[None]


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
        #: lanes there are; each runs at most one job at a time
        self.active = 0
        #: those of them that no job holds
        self._free = 0

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
        """More lanes, where there is something to do and no lane is free to do it."""
        if self._free:
            return
        if self._scheduler is None:
            # The bound is ours, because what waits must stay with us: it may have to be given back.
            self._scheduler = Scheduler(limit=None, close_timeout=1.0)
        more = min(FEW, len(self._waiting), self._limit - self.active)
        self._free += more
        self.active += more
        for _ in range(more):
            lane = Lane()
            lane.job = self._scheduler.spawn_nowait(self._along(lane))

    async def _along(self, lane: Lane) -> None:
        task = asyncio.current_task()
        assert task is not None
        turn = time.monotonic()
        try:
            while (run := self._next()) is not None and await self._work(lane, run, task):
                if run.begun - turn > SLICE:
                    if self._free > 1:
                        break
                    await asyncio.sleep(0)
                    turn = time.monotonic()
        finally:
            self.active -= 1
            if not lane.held:
                self._free -= 1
            if self._waiting:
                self._loop.call_soon(self._fill)

    def _next(self) -> Run | None:
        try:
            return self._waiting.popleft()
        except IndexError:  # that was all, or it was withdrawn meanwhile
            return None

    async def _work(self, lane: Lane, run: Run, task: asyncio.Task[Any]) -> bool:
        """Do it; whether the lane is good for another."""
        lane.run, run.handle, run.stopper = (
            run,
            lane,
            self._stop,
        )  # a stop that came before is seen by the execution
        run.begun = time.monotonic()
        task.set_name(run.job.task)
        timeout = run.task.options.timeout
        timer = None if timeout is None else self._loop.call_later(timeout, self._expire, run)
        # A context of its own for every run: what one job sets in a contextvar, the next does not see.
        context = copy_context()
        work = self._execution.arun(run)
        try:
            first = context.run(work.send, None)
        except StopIteration as stop:
            outcome = stop.value
        else:
            lane.held = True
            self._free -= 1
            if self._waiting:
                self._loop.call_soon(self._fill)
            outcome = await _rest(work, first, context)
        if timer is not None:
            timer.cancel()
        lane.run = None
        self._ended(run, outcome)
        return not (lane.held or run.stop is not None or task.cancelling())

    def _stop(self, run: Run) -> None:
        # From any thread; and again each time it is asked for: a coroutine may swallow its first cancellation.
        self._loop.call_soon_threadsafe(self._cancel, run)

    def _cancel(self, run: Run) -> None:
        lane: Lane = run.handle
        if lane.run is run:
            lane.job.cancel()

    def _expire(self, run: Run) -> None:
        run.halt(self._timed_out(run))


@coroutine
def _rest(work: Coroutine[Any, Any, T], wanted: Any, context: Context) -> Generator[Any, Any, T]:
    """Go on with a coroutine that waits for ``wanted``, every step in its own context."""
    try:
        while True:
            try:
                given = yield wanted
            except BaseException as error:
                wanted = context.run(work.throw, error)
            else:
                wanted = context.run(work.send, given)
    except StopIteration as stop:
        result: T = stop.value
        return result
