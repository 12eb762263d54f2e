"""A bounded set of coroutines, running in this process: so many at a time, so many waiting, no store.

spawn ─▶ active (at most `limit`) ─▶ closed
   └──▶ pending (at most `pending_limit`), in order ─▶ active
   └──▶ the spawn itself waits, in order, until there is room among the pending
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import traceback
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
)
from types import CoroutineType, TracebackType
from typing import Any, Self, TypeVar

from .bulk import completed, ordered
from .checks import check_count, check_seconds
from .errors import SchedulerClosed, SchedulerFull
from .job import Job
from .slots import Slots
from .snapshot import Counters, JobSnapshot, SchedulerSnapshot, job_snapshot

A = TypeVar("A")
T = TypeVar("T")

ExceptionHandler = Callable[["Scheduler", dict[str, Any]], object]

_log = logging.getLogger("longshore.aio")


class Scheduler(Collection[Job[Any]]):
    """Runs coroutines, at most `limit` at a time, and keeps hold of them until they have ended.

    May be made anywhere, also before there is an event loop; the loop of the first spawn is the one it belongs
    to, and it may be used from that loop's thread only. It is the collection of its jobs that have not ended.

    `limit` None: no limit. `pending_limit` 0: no bound on how many jobs wait for a slot. `close_timeout`, in
    seconds: how long a job that was told to stop may take to do so before it is given up and reported (None: as
    long as it likes). `wait_timeout`, in seconds: how long `wait_and_close` lets jobs finish (None: no bound).
    `exception_handler(scheduler, context)` gets the errors nobody awaited, see `call_exception_handler`.

    TypeError, ValueError: an argument is of the wrong type, or negative.
    """

    def __init__(
        self,
        *,
        close_timeout: float | None = 0.1,
        wait_timeout: float | None = 60,
        limit: int | None = 100,
        pending_limit: int = 10000,
        exception_handler: ExceptionHandler | None = None,
    ) -> None:
        if limit is not None:
            check_count("limit", limit, 1)
        check_count("pending_limit", pending_limit, 0)
        check_seconds("close_timeout", close_timeout)
        check_seconds("wait_timeout", wait_timeout)
        if exception_handler is not None and not callable(exception_handler):
            raise TypeError(f"exception_handler must be callable or None, not {exception_handler!r}")
        self._slots = Slots(limit, pending_limit, close_timeout, self._report, self._report_shielded)
        self._wait_timeout = wait_timeout
        self._exception_handler = exception_handler
        self._state = "open"

    # -- what it is ----------------------------------------------------------------------------------------

    @property
    def limit(self) -> int | None:
        """How many jobs may run at a time; None: no limit."""
        return self._slots.limit

    @property
    def pending_limit(self) -> int:
        """How many jobs may wait for a slot; 0: no bound."""
        return self._slots.line.limit

    @property
    def close_timeout(self) -> float | None:
        """Seconds a job may take to stop once told to; None: no bound."""
        return self._slots.close_timeout

    @property
    def wait_timeout(self) -> float | None:
        """Seconds `wait_and_close` lets jobs finish; None: no bound."""
        return self._wait_timeout

    @property
    def exception_handler(self) -> ExceptionHandler | None:
        """The handler given, or None for the event loop's."""
        return self._exception_handler

    @property
    def active_count(self) -> int:
        """How many slots are taken: jobs that run, among them those given up that would not stop."""
        return len(self._slots.active)

    @property
    def pending_count(self) -> int:
        """How many jobs wait for a slot."""
        return len(self._slots.line)

    @property
    def free_count(self) -> float:
        """How many jobs spawned now would start at once; infinity without a limit, 0 when it takes no jobs."""
        if self._state != "open":
            return 0
        return math.inf if self._slots.limit is None else self._slots.limit - len(self._slots.active)

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._state == "closed"

    def __len__(self) -> int:
        return len(self._slots.active) + len(self._slots.line)

    def __iter__(self) -> Iterator[Job[Any]]:
        return iter([*self._slots.active, *self._slots.line])

    def __contains__(self, job: object) -> bool:
        return isinstance(job, Job) and (job in self._slots.active or job in self._slots.line)

    def __bool__(self) -> bool:
        return True  # an idle scheduler is still a scheduler: `if scheduler:` asks whether there is one

    def __repr__(self) -> str:
        state = "closed " if self.closed else ""
        return f"<Scheduler {state}jobs={len(self)}>"

    def snapshot(self) -> SchedulerSnapshot:
        """What it is doing now: its jobs with name, age, state and where each is suspended. O(jobs)."""
        return SchedulerSnapshot(
            state=self._state,
            limit=self._slots.limit,
            pending_limit=self._slots.line.limit,
            active=len(self._slots.active),
            pending=len(self._slots.line),
            blocked=self._slots.line.blocked,
            counters=self.counters,
            jobs=tuple(job_snapshot(job) for job in self),
        )

    @property
    def counters(self) -> Counters:
        """How many jobs came and how they ended, since the scheduler was made."""
        return self._slots.counters

    # -- spawning ------------------------------------------------------------------------------------------

    async def spawn(
        self, coro: Coroutine[Any, Any, T], name: str | None = None, *, timeout: float | None = None
    ) -> Job[T]:
        """Run `coro` as a job: at once if a slot is free, else in its turn. Waits only while there is no room.

        `timeout`: seconds the job may run; then it is stopped and fails with TimeoutError. Cancelling this call
        withdraws the job. SchedulerClosed (a RuntimeError): it takes no more jobs, or closed while this waited.
        TypeError: not a coroutine. RuntimeError: another event loop's scheduler. Whenever it raises, `coro` is
        closed, so nothing is left "never awaited".
        """
        job = self._accept(coro, name, timeout)
        if not self._slots.place(job) and not await self._slots.line.room(job):
            raise SchedulerClosed(f"the scheduler was {self._state} while {job.name} waited for room")
        return job

    def spawn_nowait(
        self, coro: Coroutine[Any, Any, T], name: str | None = None, *, timeout: float | None = None
    ) -> Job[T]:
        """As `spawn`, without waiting: starts the job, or lines it up among the pending.

        SchedulerFull (a RuntimeError): there is no room; `coro` is closed. Otherwise it raises as `spawn` does.
        """
        job = self._accept(coro, name, timeout)
        if not self._slots.place(job):
            self._slots.refused += 1
            coro.close()
            raise SchedulerFull(
                f"{self._slots.limit} jobs running and {len(self._slots.line)} pending; {job.name} not taken"
            )
        return job

    def _accept(self, coro: Coroutine[Any, Any, T], name: str | None, timeout: float | None) -> Job[T]:
        loop = asyncio.get_running_loop()
        if loop is not self._slots.loop or self._state != "open" or type(coro) is not CoroutineType:
            self._check_spawn(coro)
        job: Job[T] = Job(coro, self._slots, name, timeout)
        if loop.get_debug():
            # Two frames up is the caller of `spawn` or `spawn_nowait`.
            job._source_traceback = traceback.extract_stack(sys._getframe(2))
        return job

    def _check_spawn(self, coro: Coroutine[Any, Any, Any]) -> None:
        if not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine is needed, not {coro!r}; call the async function")
        try:
            if self._state != "open":
                raise SchedulerClosed(f"the scheduler is {self._state} and takes no more jobs")
            self._slots.check_loop()
        except RuntimeError:
            coro.close()
            raise

    # -- many at once --------------------------------------------------------------------------------------

    def map(
        self,
        function: Callable[[A], Coroutine[Any, Any, T]],
        items: Iterable[A] | AsyncIterable[A],
        *,
        window: int | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[T, None]:
        """Call `function` with each of `items` as a job; give the results in the order of the items.

        At most `window` jobs (None: `limit`, or 100 without a limit) are started and not yet given out, so
        neither the items nor the results pile up, however many there are. The first error is raised in its
        turn. When the loop over the results is left, the jobs under way are cancelled: in time, if the generator
        is closed (`contextlib.aclosing`), else when it is collected. `timeout`: seconds, of each job.
        """
        return ordered(self.spawn, function, items, self._window(window), timeout)

    def as_completed(
        self,
        coros: Iterable[Coroutine[Any, Any, T]] | AsyncIterable[Coroutine[Any, Any, T]],
        *,
        window: int | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[Job[T], None]:
        """Run `coros` as jobs; give each job when it has closed, the first to end first.

        `coros` is taken from as there is room, at most `window` ahead, so pass a generator. What a job came to
        is the taker's to look at (`job.result()`, `job.exception()`); it is not reported. As for `map`, leaving
        the loop cancels the jobs under way; those that had failed but were not given out are reported.
        """
        return completed(self.spawn, coros, self._window(window), timeout)

    def _window(self, window: int | None) -> int:
        if window is None:
            return self._slots.limit or 100
        check_count("window", window, 1)
        return window

    # -- stopping ------------------------------------------------------------------------------------------

    async def join(self, timeout: float | None = None) -> bool:
        """Wait until no job is active or pending and no shielded work is left; False after `timeout` seconds.

        Nothing is closed, and new jobs are taken meanwhile. RuntimeError: called from inside one of the jobs.
        """
        self._refuse_inside("join")
        return await self._slots.join(timeout)

    async def wait_and_close(self, timeout: float | None = None) -> None:
        """Let the jobs finish, at most `timeout` seconds (None: `wait_timeout`), then `close`.

        New jobs, such as the follow-ups of running ones, are taken while it waits. If it is cancelled meanwhile,
        it closes before it goes. RuntimeError: called from inside one of the jobs.
        """
        self._refuse_inside("close")
        try:
            await self.join(self._wait_timeout if timeout is None else timeout)
        finally:
            await self.close()

    async def drain(self, timeout: float | None = None) -> tuple[JobSnapshot, ...]:
        """Take no more jobs, let those accepted finish for at most `timeout` seconds (None: no bound), then `close`.

        Returns the jobs that had to be cut off, for the log; empty: all finished. Takes at most `timeout` and
        `close_timeout` together. `close` called meanwhile ends it early. RuntimeError: called from inside a job.
        """
        self._refuse_inside("drain")
        if self._state == "open":
            self._stop_taking("draining")
        try:
            await self.join(timeout)
            return self.snapshot().jobs
        finally:
            await self.close()

    async def close(self) -> None:
        """Take no more jobs, cancel all there are, and wait at most `close_timeout` seconds for them to stop.

        Pending jobs never run a line; spawns that wait for room raise SchedulerClosed. Jobs that do not stop in
        time are reported and given up. Calling it again waits for what is still stopping. RuntimeError: called
        from inside one of the jobs.
        """
        self._refuse_inside("close")
        self._stop_taking("closed")
        for job in list(self._slots.line):
            job.cancel()
        for job in list(self._slots.active):
            job._request_stop()
        self._slots.shields.cancel()
        if not await self.join(self._slots.close_timeout):
            self._give_up_rest()
        self._slots.forget()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.wait_and_close()

    def _stop_taking(self, state: str) -> None:
        self._state = state
        self._slots.line.refuse_blocked()

    def _give_up_rest(self) -> None:
        for job in list(self._slots.active):
            if not job.closed:
                error = TimeoutError(
                    f"{job.name} did not stop within {self._slots.close_timeout} s of being cancelled"
                )
                job._give_up(error)
                self._report(job, "Job closing timed out", error)

    def _refuse_inside(self, verb: str) -> None:
        if self._slots.inside:
            raise RuntimeError(
                f"a job cannot {verb} the scheduler it runs in: that would wait for its own end"
            )

    # -- shielding -----------------------------------------------------------------------------------------

    def shield(self, awaitable: Awaitable[T]) -> asyncio.Future[T]:
        """As `asyncio.shield`: whoever awaits the result may be cancelled, the work goes on; and it is not lost.

        It counts in no limit. `wait_and_close`, `drain` and `join` wait for it; `close` cancels it; its error is
        reported if the one who awaited it has gone. SchedulerClosed: the scheduler is closed.
        """
        if self.closed:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise SchedulerClosed("the scheduler is closed and shields nothing more")
        self._slots.check_loop()
        return self._slots.shields.cover(asyncio.ensure_future(awaitable))

    def _report_shielded(self, future: asyncio.Future[Any], error: BaseException) -> None:
        self._handle({"message": "Shielded work failed", "future": future, "exception": error})

    # -- errors nobody awaited -----------------------------------------------------------------------------

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Pass `context` to the exception handler, or to the event loop's, or with no loop yet to the log.

        The keys: `message` (str), `job` (Job), `exception`, and, if the loop is in debug mode,
        `source_traceback`: where the job was spawned. Shielded work has `future` instead of `job`.
        """
        if self._exception_handler is not None:
            self._exception_handler(self, context)
        elif self._slots.loop is not None:
            self._slots.loop.call_exception_handler(context)
        else:
            _log.error("%s", context.get("message"), exc_info=context.get("exception"))

    def _report(self, job: Job[Any], message: str, error: BaseException) -> None:
        context: dict[str, Any] = {"message": message, "job": job, "exception": error}
        if job._source_traceback is not None:
            context["source_traceback"] = job._source_traceback
        self._handle(context)

    def _handle(self, context: dict[str, Any]) -> None:
        try:
            self.call_exception_handler(context)
        except Exception:  # a broken handler must not stop the jobs that come after
            _log.exception("the exception handler failed on %r", context)


async def create_scheduler(
    *,
    close_timeout: float | None = 0.1,
    limit: int | None = 100,
    pending_limit: int = 10000,
    exception_handler: ExceptionHandler | None = None,
) -> Scheduler:
    """Make a Scheduler; the same as calling `Scheduler` with these arguments."""
    return Scheduler(
        close_timeout=close_timeout,
        limit=limit,
        pending_limit=pending_limit,
        exception_handler=exception_handler,
    )
