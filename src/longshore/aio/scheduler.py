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
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextvars import Context, copy_context
from functools import partial
from types import CoroutineType, TracebackType
from typing import Any, Self, TypeVar

from .errors import SchedulerClosed, SchedulerFull
from .job import Job
from .snapshot import Counters, JobSnapshot, SchedulerSnapshot, job_snapshot
from .waiting import arrives, wake

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
            _check_count("limit", limit, 1)
        _check_count("pending_limit", pending_limit, 0)
        _check_seconds("close_timeout", close_timeout)
        _check_seconds("wait_timeout", wait_timeout)
        if exception_handler is not None and not callable(exception_handler):
            raise TypeError(f"exception_handler must be callable or None, not {exception_handler!r}")
        self._limit = limit
        self._pending_limit = pending_limit
        self._close_timeout = close_timeout
        self._wait_timeout = wait_timeout
        self._exception_handler = exception_handler
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state = "open"
        self._active: dict[Job[Any], None] = {}
        self._pending: OrderedDict[Job[Any], None] = OrderedDict()
        self._blocked: OrderedDict[Job[Any], asyncio.Future[bool]] = OrderedDict()
        self._shields: set[asyncio.Future[Any]] = set()
        self._idlers: list[asyncio.Future[bool]] = []
        self._starting = False
        self._spawned = self._succeeded = self._failed = self._cancelled = self._timed_out = self._refused = 0

    # -- what it is ----------------------------------------------------------------------------------------

    @property
    def limit(self) -> int | None:
        """How many jobs may run at a time; None: no limit."""
        return self._limit

    @property
    def pending_limit(self) -> int:
        """How many jobs may wait for a slot; 0: no bound."""
        return self._pending_limit

    @property
    def close_timeout(self) -> float | None:
        """Seconds a job may take to stop once told to; None: no bound."""
        return self._close_timeout

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
        return len(self._active)

    @property
    def pending_count(self) -> int:
        """How many jobs wait for a slot."""
        return len(self._pending)

    @property
    def free_count(self) -> float:
        """How many jobs spawned now would start at once; infinity without a limit, 0 when it takes no jobs."""
        if self._state != "open":
            return 0
        return math.inf if self._limit is None else self._limit - len(self._active)

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._state == "closed"

    def __len__(self) -> int:
        return len(self._active) + len(self._pending)

    def __iter__(self) -> Iterator[Job[Any]]:
        return iter([*self._active, *self._pending])

    def __contains__(self, job: object) -> bool:
        return job in self._active or job in self._pending

    def __bool__(self) -> bool:
        return True  # an idle scheduler is still a scheduler: `if scheduler:` asks whether there is one

    def __repr__(self) -> str:
        state = "closed " if self.closed else ""
        return f"<Scheduler {state}jobs={len(self)}>"

    def snapshot(self) -> SchedulerSnapshot:
        """What it is doing now: its jobs with name, age, state and where each is suspended. O(jobs)."""
        return SchedulerSnapshot(
            state=self._state,
            limit=self._limit,
            pending_limit=self._pending_limit,
            active=len(self._active),
            pending=len(self._pending),
            blocked=len(self._blocked),
            counters=self.counters,
            jobs=tuple(job_snapshot(job) for job in self),
        )

    @property
    def counters(self) -> Counters:
        """How many jobs came and how they ended, since the scheduler was made."""
        return Counters(
            spawned=self._spawned,
            succeeded=self._succeeded,
            failed=self._failed,
            cancelled=self._cancelled,
            timed_out=self._timed_out,
            refused=self._refused,
        )

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
        if not self._place(job):
            await self._wait_for_room(job, coro)
        return job

    def spawn_nowait(
        self, coro: Coroutine[Any, Any, T], name: str | None = None, *, timeout: float | None = None
    ) -> Job[T]:
        """As `spawn`, without waiting: starts the job, or lines it up among the pending.

        SchedulerFull (a RuntimeError): there is no room; `coro` is closed. Otherwise it raises as `spawn` does.
        """
        job = self._accept(coro, name, timeout)
        if not self._place(job):
            self._refused += 1
            coro.close()
            raise SchedulerFull(
                f"{self._limit} jobs running and {len(self._pending)} pending; {job.name} not taken"
            )
        return job

    def _accept(self, coro: Coroutine[Any, Any, T], name: str | None, timeout: float | None) -> Job[T]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop or self._state != "open" or type(coro) is not CoroutineType:
            self._check_spawn(coro, loop)
        job: Job[T] = Job(coro, self, name, timeout)
        if loop.get_debug():
            # Two frames up is the caller of `spawn` or `spawn_nowait`.
            job._source_traceback = traceback.extract_stack(sys._getframe(2))
        return job

    def _check_spawn(self, coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> None:
        if not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine is needed, not {coro!r}; call the async function")
        try:
            if self._state != "open":
                raise SchedulerClosed(f"the scheduler is {self._state} and takes no more jobs")
            self._loop = self._loop or loop
            self._check_loop()
        except RuntimeError:
            coro.close()
            raise

    def _check_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it belongs to, which must be the one running here."""
        if self._loop is None:
            return asyncio.get_running_loop()
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(f"{self!r} is bound to a different event loop")
        return self._loop

    def _place(self, job: Job[Any]) -> bool:
        """Start the job or line it up; False if there is no room, or others wait for it already."""
        if self._limit is None or len(self._active) < self._limit:
            self._spawned += 1
            self._start(job)
            return True
        if self._blocked or len(self._pending) >= self._pending_limit > 0:
            return False
        self._line_up(job, copy_context())
        return True

    def _line_up(self, job: Job[Any], context: Context) -> None:
        self._spawned += 1
        # It will be started from another job's end, and must see its own spawner's context variables, not that one's.
        job._context = context
        self._pending[job] = None

    async def _wait_for_room(self, job: Job[Any], coro: Coroutine[Any, Any, Any]) -> None:
        room: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        job._context = copy_context()
        self._blocked[job] = room
        try:
            admitted = await room
        except BaseException:
            if room.cancelled() or not room.done():
                self._blocked.pop(job, None)
                coro.close()
            elif room.result():  # room came in the same turn of the loop: it is in line, or running
                job.cancel()
            raise
        if not admitted:
            raise SchedulerClosed(f"the scheduler was {self._state} while {job.name} waited for room")

    # -- starting, and what follows from an end ------------------------------------------------------------

    def _start(self, job: Job[Any]) -> None:
        self._active[job] = None
        try:
            job._start(self._loop or asyncio.get_running_loop())
        except BaseException:
            del self._active[job]
            raise

    def _start_next(self) -> None:
        if self._starting:
            return  # below, on the stack: an eager task factory ends jobs inside `_start`
        self._starting = True
        try:
            while self._pending and (self._limit is None or len(self._active) < self._limit):
                job, _ = self._pending.popitem(last=False)
                self._admit_blocked()
                job._started_at = time.monotonic()
                self._start_pending(job)
        finally:
            self._starting = False

    def _start_pending(self, job: Job[Any]) -> None:
        try:
            job._context.run(self._start, job)
        except (
            Exception
        ) as error:  # the task factory's: this job's failure, not that of the one that just ended
            job._discard(error)
            if not job._hearers:
                job._report(error)

    def _admit_blocked(self) -> None:
        """Hand room among the pending to the spawns that wait for it."""
        while self._blocked and len(self._pending) < self._pending_limit:
            job, room = self._blocked.popitem(last=False)
            if not room.done():  # else its spawner was cancelled, and has yet to run
                self._line_up(job, job._context)
                wake(room)

    def _withdraw(self, job: Job[Any]) -> None:
        del self._pending[job]
        self._admit_blocked()
        self._wake_idlers()

    def _closed_one(self, job: Job[Any]) -> None:
        error = job._error
        if error is None:
            self._succeeded += 1
        elif isinstance(error, asyncio.CancelledError):
            self._cancelled += 1
        elif isinstance(error, TimeoutError) and job._stop is not None:
            self._timed_out += 1
        else:
            self._failed += 1

    def _ended_one(self, job: Job[Any]) -> None:
        self._active.pop(job, None)  # closing the scheduler may have dropped it
        if self._pending:
            self._start_next()
        elif self._idlers:
            self._wake_idlers()

    # -- stopping ------------------------------------------------------------------------------------------

    async def join(self, timeout: float | None = None) -> bool:
        """Wait until no job is active or pending and no shielded work is left; False after `timeout` seconds.

        Nothing is closed, and new jobs are taken meanwhile. RuntimeError: called from inside one of the jobs.
        """
        self._refuse_inside("join")
        if self._idle:
            return True
        idle: asyncio.Future[bool] = self._check_loop().create_future()
        self._idlers.append(idle)
        try:
            return await arrives(idle, timeout)
        finally:
            if idle in self._idlers:
                self._idlers.remove(idle)

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
        pending = list(self._pending)
        for job in pending:
            job.cancel()
        for job in list(self._active):
            job._request_stop()
        for shielded in list(self._shields):
            shielded.cancel()
        if not await self.join(self._close_timeout):
            self._give_up_rest()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.wait_and_close()

    def _stop_taking(self, state: str) -> None:
        self._state = state
        while self._blocked:
            job, room = self._blocked.popitem()
            job._coro.close()
            if not room.done():
                room.set_result(False)

    def _give_up_rest(self) -> None:
        for job in list(self._active):
            if not job.closed:
                error = TimeoutError(
                    f"{job.name} did not stop within {self._close_timeout} s of being cancelled"
                )
                job._give_up(error)
                self._report(job, "Job closing timed out", error)
        self._active.clear()
        self._shields.clear()

    @property
    def _idle(self) -> bool:
        return not (self._active or self._pending or self._shields)

    def _wake_idlers(self) -> None:
        if self._idle:
            for idle in self._idlers:
                wake(idle)

    def _refuse_inside(self, verb: str) -> None:
        current = asyncio.current_task() if self._active else None
        if current is not None and any(job._task is current for job in self._active):
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
        self._loop = self._loop or asyncio.get_running_loop()
        inner = asyncio.ensure_future(awaitable)
        if inner.done():
            return inner
        outer: asyncio.Future[T] = self._check_loop().create_future()
        self._shields.add(inner)
        inner.add_done_callback(partial(self._shielded, outer))
        return outer

    def _shielded(self, outer: asyncio.Future[T], inner: asyncio.Future[T]) -> None:
        self._shields.discard(inner)
        self._wake_idlers()
        if inner.cancelled():
            outer.cancel()
        elif (error := inner.exception()) is None:
            if not outer.done():
                outer.set_result(inner.result())
        elif not outer.done():
            outer.set_exception(error)
        else:
            self._handle({"message": "Shielded work failed", "future": inner, "exception": error})

    # -- errors nobody awaited -----------------------------------------------------------------------------

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Pass `context` to the exception handler, or to the event loop's, or with no loop yet to the log.

        The keys: `message` (str), `job` (Job), `exception`, and, if the loop is in debug mode,
        `source_traceback`: where the job was spawned. Shielded work has `future` instead of `job`.
        """
        if self._exception_handler is not None:
            self._exception_handler(self, context)
        elif self._loop is not None:
            self._loop.call_exception_handler(context)
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


def _check_count(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _check_seconds(name: str, value: float | None) -> None:
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number of seconds or None, not {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, and is {value}")
