"""One coroutine handed to a scheduler: its state, its outcome, and the ways to wait for it or to stop it.

pending ── a slot is free ──▶ active ── it ends, or is given up ──▶ closed
   └────────────── cancelled before its first line ──────────────────▲
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from traceback import StackSummary
from types import TracebackType, coroutine
from typing import Any, Generic, Protocol, TypeVar

from .waiting import arrives, wake

T_co = TypeVar("T_co", covariant=True)

PENDING, ACTIVE, CLOSED = "pending", "active", "closed"
ASKED, EXPIRED = "asked", "expired"


class Owner(Protocol):
    """What a job needs of those who run it."""

    @property
    def close_timeout(self) -> float | None: ...
    def check_loop(self) -> asyncio.AbstractEventLoop: ...
    def deadline(self, job: Job[Any], timeout: float, loop: asyncio.AbstractEventLoop) -> list[Any]: ...
    def withdrawn(self) -> None: ...
    def not_succeeded(self, job: Job[Any], error: BaseException) -> None: ...
    def ended(self, job: Job[Any]) -> None: ...
    def report(self, job: Job[Any], message: str, error: BaseException) -> None: ...


class Job(Generic[T_co]):
    """The handle on one spawned coroutine; made by `Scheduler.spawn`, never directly.

    Belongs to the scheduler's event loop: use it from that loop's thread only.
    """

    __slots__ = (
        "__weakref__",
        "_context",
        "_coro",
        "_deadline",
        "_error",
        "_hearers",
        "_name",
        "_overrun_timer",
        "_owner",
        "_result",
        "_source_traceback",
        "_spawned_at",
        "_started_at",
        "_state",
        "_stop",
        "_task",
        "_timeout",
        "_traceback",
        "_watchers",
    )

    _deadline: list[Any]  # once started, with a timeout: emptied when it ends
    _overrun_timer: asyncio.TimerHandle | None  # likewise: set when it is over its timeout
    _stop: str | None  # it was told to stop: "asked", or "expired" by its own timeout
    _watchers: list[Callable[[Job[Any]], bool]] | None  # called when it closes; each: does anybody listen?
    _hearers: int  # once closed: how many of them get its error; with none, the error is reported
    _result: T_co  # once closed
    _error: BaseException | None  # once closed
    _traceback: TracebackType | None  # once closed

    def __init__(
        self, coro: Coroutine[Any, Any, T_co], owner: Owner, name: str | None, timeout: float | None
    ) -> None:
        # What is not set here is set when it is needed first: this runs once a job, and most jobs need little.
        self._coro = coro
        self._owner = owner
        self._name = name
        self._timeout = timeout
        self._state = PENDING
        self._spawned_at = self._started_at = time.monotonic()
        self._stop = None
        self._task: asyncio.Task[None] | None = None
        self._context: Context | None = None  # of its spawner; not set if it starts at once
        self._watchers = None
        self._source_traceback: StackSummary | None = None

    def __repr__(self) -> str:
        state = "" if self._state is ACTIVE else f"{self._state} "
        return f"<Job {state}coro=<{self._coro}>>"

    def __await__(self) -> Generator[Any, Any, T_co]:
        """`await job` is `await job.wait()`."""
        return self.wait().__await__()

    @property
    def state(self) -> str:
        """`"pending"`, `"active"` or `"closed"`."""
        return self._state

    @property
    def pending(self) -> bool:
        """Spawned, and waiting for a free slot."""
        return self._state is PENDING

    @property
    def active(self) -> bool:
        """Running now."""
        return self._state is ACTIVE

    @property
    def closed(self) -> bool:
        """Ended, stopped, or given up because it would not stop in time."""
        return self._state is CLOSED

    @property
    def name(self) -> str:
        """The name given, else the qualified name of the coroutine's function."""
        return self._name or str(getattr(self._coro, "__qualname__", type(self._coro).__name__))

    def get_name(self) -> str | None:
        """The name given, else that of the asyncio task once the job has started, else None."""
        return self._name or (self._task.get_name() if self._task else None)

    def set_name(self, name: str) -> None:
        """Rename the job, and its asyncio task if it has started."""
        self._name = name
        if self._task is not None:
            self._task.set_name(name)

    # -- waiting -------------------------------------------------------------------------------------------

    async def wait(self, *, timeout: float | None = None) -> T_co:
        """Wait until the job is closed; return what its coroutine returned, or raise what it raised.

        May be called any number of times, and gives the same each time. Cancelling the one who waits leaves the
        job alone. `timeout` is in seconds: when it passes, the job is stopped and TimeoutError raised, at the
        latest the scheduler's `close_timeout` after it. asyncio.CancelledError: the job was cancelled.
        RuntimeError: called from inside the job itself.
        """
        if self._state is not CLOSED:
            self._refuse_itself("wait for")
            if not await self._closes(timeout):
                await self._stop_late(timeout)
        try:
            return self.result()
        finally:
            del self  # as in `_run`

    def result(self) -> T_co:
        """What the closed job returned; its error is raised. asyncio.InvalidStateError: it is not closed yet."""
        error = self.exception()
        if error is None:
            return self._result
        try:
            # With the traceback it came with: else each call would lengthen the one before.
            raise error.with_traceback(self._traceback)
        finally:
            del self, error

    def exception(self) -> BaseException | None:
        """The closed job's error (asyncio.CancelledError if it was cancelled), or None if it returned.

        asyncio.InvalidStateError: it is not closed yet.
        """
        if self._state is not CLOSED:
            raise asyncio.InvalidStateError(f"{self!r} is not closed yet; use `await job.wait()`")
        return self._error

    async def _closes(self, timeout: float | None) -> bool:
        """Wait until it is closed, at most `timeout` seconds; False if it was not."""
        future: asyncio.Future[bool] = self._owner.check_loop().create_future()

        def woken(_: Job[Any]) -> bool:
            return wake(future)

        self._watch(woken)
        try:
            return await arrives(future, timeout)
        except asyncio.CancelledError:
            # Woken and cancelled in the same turn of the loop: the error was kept for us, and we go without it.
            if self._state is CLOSED and not future.cancelled():
                self._lose_hearer()
            raise
        finally:
            self._unwatch(woken)

    def _watch(self, watcher: Callable[[Job[Any]], bool]) -> None:
        if self._watchers is None:
            self._watchers = []
        self._watchers.append(watcher)

    def _unwatch(self, watcher: Callable[[Job[Any]], bool]) -> None:
        if self._watchers is not None:
            self._watchers.remove(watcher)

    def _lose_hearer(self) -> None:
        self._hearers -= 1
        if not self._hearers and self._error is not None:
            self._report(self._error)

    async def _stop_late(self, timeout: float | None) -> None:
        """The waiter's patience is over: stop the job, within `close_timeout`, and say so."""
        if self._state is CLOSED:
            return
        self._request_stop()
        late = TimeoutError(f"{self.name} did not finish within {timeout} s")
        if not self.closed and not await self._closes(self._owner.close_timeout):
            self._give_up(late)
            return
        raise late from (None if self._was_cancelled else self._error)

    # -- stopping ------------------------------------------------------------------------------------------

    def cancel(self, message: str | None = None) -> bool:
        """Ask the job to stop; return False if it is closed already. Does not wait: `close` does.

        A pending job closes at once, without running a line.
        """
        self._owner.check_loop()
        if self._state is CLOSED:
            return False
        self._stop = self._stop or ASKED
        if self._state is PENDING:
            self._discard(asyncio.CancelledError(message) if message else asyncio.CancelledError())
            self._owner.withdrawn()
        elif self._task is not None:
            self._task.cancel(message)
        return True

    async def close(self, *, timeout: float | None = None) -> None:
        """Cancel the job and wait until it has ended; nothing happens if it is closed already.

        `timeout` is in seconds, None takes the scheduler's `close_timeout`. TimeoutError: the job did not end in
        that time; it counts as closed, though its slot stays taken until its coroutine really ends. Any other
        error it ends with is raised too. RuntimeError: called from inside the job itself.
        """
        if self._state is CLOSED:
            return
        self._refuse_itself("close")
        self._request_stop()
        if timeout is None:
            timeout = self._owner.close_timeout
        if not self.closed and not await self._closes(timeout):
            self._give_up(TimeoutError(f"{self.name} did not stop within {timeout} s of being cancelled"))
        if not self._was_cancelled:
            self.result()

    def _request_stop(self) -> None:
        # Once only: a second cancellation would break into the job's own clean-up.
        if self._stop is None:
            self.cancel()

    def _discard(self, error: BaseException) -> None:
        """Close a job that has not run a line."""
        self._coro.close()
        self._close_with(error)

    def _fail_to_start(self, error: Exception) -> None:
        """Close a job that got no task, when its spawner is no longer there to be told."""
        self._discard(error)
        if not self._hearers:
            self._report(error)

    def _give_up(self, error: TimeoutError) -> None:
        """Call the job closed though its coroutine will not stop. It keeps its slot until it does."""
        if self._state is not CLOSED:
            self._close_with(error)

    def _refuse_itself(self, verb: str) -> None:
        if self._task is not None and self._task is asyncio.current_task():
            raise RuntimeError(f"{self!r} cannot {verb} itself: that would wait for its own end")

    @property
    def _was_cancelled(self) -> bool:
        return isinstance(self._error, asyncio.CancelledError)

    # -- running -------------------------------------------------------------------------------------------

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the coroutine a task of its own. What the loop's task factory raises goes through."""
        self._state = ACTIVE
        runner = self._run()
        runner.send(None)
        try:
            if self._context is None:
                task = loop.create_task(runner, name=self._name)
            else:
                task = loop.create_task(runner, name=self._name, context=self._context)
        except BaseException:
            runner.close()
            raise
        self._task = task
        if self._state is not ACTIVE:
            return  # an eager task factory has run it to its end
        if self._stop is not None:
            task.cancel()  # it was told to stop before there was a task to cancel
        if self._timeout is not None:
            self._overrun_timer = None
            self._deadline = self._owner.deadline(self, self._timeout, loop)

    async def _run(self) -> None:
        """What the job's task runs. `_start` has already taken its first step, into the `try`.

        So a cancellation that comes before the task ever ran lands there as any other does. The usual way to
        notice the end of a task, a done callback, would cost each job a handle and a turn of the loop.
        """
        error: BaseException | None = None
        try:
            await _handed_over()
            self._result = await self._coro
        except asyncio.CancelledError as cancelled:
            self._coro.close()  # it may not have started
            error = self._timeout_error(cancelled) if self._stop is EXPIRED else cancelled
        except GeneratorExit:
            self._coro.close()  # the event loop was thrown away under us; nothing of it may be touched
            raise
        except Exception as failure:
            error = failure
        except BaseException as stop:  # KeyboardInterrupt, SystemExit: they go on through the loop
            self._end(stop)
            raise
        self._end(error)
        # The error's traceback leads back to this frame, and the job to the error: do not close the circle.
        del self, error

    def _end(self, error: BaseException | None) -> None:
        """The coroutine has really ended. The slot is freed before anybody's error handler can interfere."""
        if self._timeout is not None and self._task is not None:
            self._deadline[2] = None
            if self._overrun_timer is not None:
                self._overrun_timer.cancel()
        given_up = self._state is CLOSED
        if not given_up:
            self._close_with(error)
        self._owner.ended(self)
        if error is not None and (given_up or not self._hearers):
            self._report(error)

    def _close_with(self, error: BaseException | None) -> None:
        """Take the outcome, once and for all, and tell those who wait."""
        if error is None:
            self._error = None
        else:
            # From the coroutine's own first frame on: ours is no news to anybody.
            self._traceback = error.__traceback__ and error.__traceback__.tb_next
            self._error = error.with_traceback(self._traceback)
            self._owner.not_succeeded(self, error)
        self._state = CLOSED
        self._hearers = 0
        if self._watchers is not None:
            watchers, self._watchers = self._watchers, None
            self._hearers = sum(watcher(self) for watcher in watchers)

    def _report(self, error: BaseException) -> None:
        if not isinstance(error, asyncio.CancelledError):
            self._owner.report(self, "Job processing failed", error)

    # -- its own timeout -----------------------------------------------------------------------------------

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._stop is None:  # else it is stopping already, and may be cleaning up
            self._stop = EXPIRED
            self.cancel()
        grace = self._owner.close_timeout
        if grace is not None:
            self._overrun_timer = loop.call_later(grace, self._overrun)

    def _overrun(self) -> None:
        error = self._timeout_error(None)
        self._give_up(error)
        if not self._hearers:
            self._owner.report(self, "Job closing timed out", error)

    def _timeout_error(self, cause: BaseException | None) -> TimeoutError:
        error = TimeoutError(f"{self.name} exceeded its timeout of {self._timeout} s")
        error.__cause__ = cause and cause.with_traceback(cause.__traceback__ and cause.__traceback__.tb_next)
        return error


@coroutine
def _handed_over() -> Generator[None, Any, None]:
    yield
