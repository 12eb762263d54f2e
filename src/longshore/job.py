"""`Job[R]`: the user's handle on one job."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from datetime import timedelta
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import msgspec

from longshore.duration import seconds
from longshore.errors import (
    JobCancelled,
    JobFailed,
    JobNotFound,
    LongshoreError,
    ResultTimeout,
    StoreUnavailable,
)
from longshore.model import FINAL, Failure, JobRecord, Progress, State, failures
from longshore.stores.base import Subscription

R_co = TypeVar("R_co", covariant=True)

CancelAnswer = Literal["cancelled", "asked", "too late"]

#: seconds between looks at the store while waiting; hints make it quick, this makes it sure
LOOK = 1.0
#: seconds for which who waits already goes on waiting while the store is away
AWAY = 30.0


class _Patience:
    """How long a waiter waits: until its time is over, and through an outage of the store of at most `AWAY` seconds."""

    def __init__(self, timeout: float | timedelta | None) -> None:
        self._deadline = None if timeout is None else time.monotonic() + seconds(timeout, "timeout")
        self._seen: float | None = None

    def seen(self) -> None:
        """The store answered."""
        self._seen = time.monotonic()

    def bear(self, error: StoreUnavailable) -> None:
        """The store did not answer. Raises it where it never did, or has not for too long."""
        if self._seen is None or time.monotonic() - self._seen > AWAY:
            raise error

    def left(self) -> float:
        """Seconds until the next look, or until the time is over.

        All of a process look at the same moments: so a thousand that wait make one call a second together.
        """
        now = time.monotonic()
        look = LOOK - now % LOOK
        if look < LOOK / 2:
            look += LOOK
        return look if self._deadline is None else min(look, self._deadline - now)


class Desk(Protocol):
    """What a handle needs of its app."""

    def fetch(self, ids: Sequence[str]) -> dict[str, JobRecord]: ...
    async def afetch(self, ids: Sequence[str]) -> dict[str, JobRecord]: ...
    def on_end(self, job_id: str, callback: Callable[[], object]) -> Subscription: ...
    async def aon_end(self, job_id: str, callback: Callable[[], object]) -> Subscription: ...
    def decode_result(self, record: JobRecord) -> Any: ...
    def cancel(self, job_id: str, reason: str = ...) -> CancelAnswer: ...
    async def acancel(self, job_id: str, reason: str = ...) -> CancelAnswer: ...
    def why_waiting(self, record: JobRecord) -> str: ...


class Job(Generic[R_co]):
    """A handle on one job: cheap, comparable by id, and good in any process that has the app.

    ``state``, ``attempt``, ``progress``, ``error`` tell what was last seen: `refresh` looks again, waiting does too.
    """

    __slots__ = ("_desk", "_record", "id")

    def __init__(self, job_id: str, desk: Desk, record: JobRecord | None = None) -> None:
        self.id = job_id
        self._desk = desk
        self._record = record

    def __repr__(self) -> str:
        seen = f" {self._record.task} {self._record.state}" if self._record else ""
        return f"<Job {self.id}{seen}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    # -- what was last seen ----------------------------------------------------------------------------------------

    @property
    def record(self) -> JobRecord:
        """The stored job as last seen (looked up if it never was). JobNotFound: there is none."""
        if self._record is None:
            self.refresh()
        assert self._record is not None
        return self._record

    @property
    def task(self) -> str:
        return self.record.task

    @property
    def queue(self) -> str:
        return self.record.queue

    @property
    def state(self) -> State:
        """queued, waiting, running, succeeded, failed, cancelled or held."""
        return self.record.state

    @property
    def attempt(self) -> int:
        """How many times it was started."""
        return self.record.attempt

    @property
    def progress(self) -> Progress | None:
        """How far the run says it is."""
        said = self.record.progress
        return msgspec.json.decode(said, type=Progress) if said else None

    @property
    def error(self) -> Failure | None:
        """The last failure, if a run failed."""
        return errors[-1] if (errors := self.errors) else None

    @property
    def errors(self) -> Sequence[Failure]:
        """The last failures, oldest first."""
        return failures(self.record.errors)

    @property
    def reason(self) -> str | None:
        """Why it is in its state, where there is more to say."""
        return self.record.reason

    @property
    def done(self) -> bool:
        """Whether it ended: succeeded, failed, cancelled, or held for a person."""
        return self.record.state in FINAL or self.record.state == "held"

    # -- looking, waiting ----------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Look again. JobNotFound: it is not in the store."""
        return self._seen(self._desk.fetch([self.id]))

    async def arefresh(self) -> Self:
        """As `refresh`, without blocking the event loop."""
        return self._seen(await self._desk.afetch([self.id]))

    def _seen(self, found: dict[str, JobRecord]) -> Self:
        record = found.get(self.id)
        if record is None:
            raise JobNotFound(
                f"no job {self.id}: it never existed in this store, or retention removed it", self.id
            )
        self._record = record
        return self

    def wait(self, timeout: float | timedelta | None = None) -> Self:
        """Block until it ended, at most ``timeout`` (seconds or timedelta); an outage of the store is waited through.

        ResultTimeout: it has not. StoreUnavailable: the store was away from the start, or for more than 30 seconds.
        LongshoreError: called in a thread whose event loop is running; await it there.
        """
        patience = _Patience(timeout)
        event = threading.Event()
        subscription = self._desk.on_end(self.id, event.set)
        try:
            while not self._ended(patience):
                self._refuse_in_loop()
                left = patience.left()
                if left <= 0:
                    raise self._timeout(timeout)
                event.wait(left)
                event.clear()
        finally:
            subscription.close()
        return self

    async def await_end(self, timeout: float | timedelta | None = None) -> Self:
        """As `wait`, for coroutines."""
        patience = _Patience(timeout)
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

        subscription = await self._desk.aon_end(self.id, wake)
        try:
            while not await self._aended(patience):
                left = patience.left()
                if left <= 0:
                    raise self._timeout(timeout)
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    continue
                event.clear()
        finally:
            subscription.close()
        return self

    def _ended(self, patience: _Patience) -> bool:
        try:
            self.refresh()
        except StoreUnavailable as error:
            patience.bear(error)
            return False
        patience.seen()
        return self.done

    async def _aended(self, patience: _Patience) -> bool:
        try:
            await self.arefresh()
        except StoreUnavailable as error:
            patience.bear(error)
            return False
        patience.seen()
        return self.done

    def _refuse_in_loop(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise LongshoreError(
            f"job {self.id} is not finished, and waiting for it here would block the running event loop. "
            "Use: await job, or: await job.aresult(timeout=...)"
        )

    def _timeout(self, timeout: float | timedelta | None) -> ResultTimeout:
        record = self.record
        after = f"{round(seconds(timeout, 'timeout'), 3):g} s" if timeout is not None else "the time given"
        why = self._desk.why_waiting(record)
        return ResultTimeout(
            f"job {self.id} ({record.task}) is still {record.state} after {after}{why}", self.id
        )

    # -- results ---------------------------------------------------------------------------------------------------------

    def result(self, timeout: float | timedelta | None = None) -> R_co:
        """The task's return value, waited for at most ``timeout`` (seconds or timedelta; None: as long as it takes).

        JobFailed: it failed or is held. JobCancelled. ResultTimeout. JobNotFound.
        """
        if self._record is None or not self.done:
            self.wait(timeout)
        return self._unpack()

    async def aresult(self, timeout: float | timedelta | None = None) -> R_co:
        """As `result`, for coroutines."""
        if self._record is None or not self.done:
            await self.await_end(timeout)
        return self._unpack()

    def __await__(self) -> Generator[Any, Any, R_co]:
        """``await job`` is ``await job.aresult()``."""
        return self.aresult().__await__()

    def _unpack(self) -> R_co:
        record = self.record
        if record.state == "succeeded":
            value: R_co = self._desk.decode_result(record)
            return value
        if record.state == "cancelled":
            raise JobCancelled(f"job {self.id} ({record.task}) was cancelled: {record.reason}", self.id)
        error = self.error
        if record.state == "held":
            text = f"job {self.id} ({record.task}) is held: {record.reason}. To retry it: longshore jobs retry {self.id}"
        elif error is None:
            text = f"job {self.id} ({record.task}) failed"
        else:
            text = f"job {self.id} ({record.task}) failed after {_runs(record.failures)}: {error.kind}: {error.message}"
        raise JobFailed(text, self.id, error.kind if error else "", error.traceback if error else "")

    # -- asking ----------------------------------------------------------------------------------------------------------

    def cancel(self, reason: str = "cancelled by hand") -> CancelAnswer:
        """Ask for cancellation, whatever the state.

        ``"cancelled"``: it had not begun and never will. ``"asked"``: it runs; a coroutine is cancelled, a process killed, a
        thread asked (``ctx.cancelled``), and should its worker die meanwhile it is not run again. ``"too late"``: it had
        ended.
        """
        answer = self._desk.cancel(self.id, reason)
        self.refresh()
        return answer

    async def acancel(self, reason: str = "cancelled by hand") -> CancelAnswer:
        """As `cancel`, without blocking the event loop."""
        answer = await self._desk.acancel(self.id, reason)
        await self.arefresh()
        return answer


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
