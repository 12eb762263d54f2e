"""What a running task can know of its job, and say about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol, Self, TypeVar

import msgspec

from longshore.errors import LongshoreError
from longshore.model import JobRecord, Progress

J_co = TypeVar("J_co", covariant=True)
J = TypeVar("J")


class Bound(Protocol[J_co]):
    """A call that can be enqueued: what ``task.call(...)`` gives."""

    def with_headers(self, headers: Mapping[str, str]) -> Self: ...

    def enqueue(self) -> J_co: ...


_current: ContextVar[Context] = ContextVar("longshore.current")
_log = logging.getLogger("longshore.task")


class Context:
    """The run a task is in. Injected where the signature has a parameter annotated `Context`; else see `current`.

    ``attempt`` grows with every start of the job and never repeats: pass it on as a fencing token to systems that can
    refuse an older one. ``cancelled`` turns True when somebody asked for cancellation, when the time-out passed, or when the
    lease was lost; a coroutine is cancelled besides, a thread has to look. ``timed_out``: it was for the time-out.
    """

    __slots__ = ("_logger", "_report", "cancelled", "record", "said", "timed_out")

    def __init__(self, record: JobRecord, report: Callable[[Context, Progress], None] | None = None) -> None:
        self.record = record
        self.cancelled = False
        self.timed_out = False
        #: the last word of `progress`
        self.said: Progress | None = None
        self._report = report
        self._logger: logging.LoggerAdapter[logging.Logger] | None = None

    def __repr__(self) -> str:
        return f"<Context {self.record.task} {self.record.id} attempt {self.record.attempt}>"

    @property
    def job_id(self) -> str:
        return self.record.id

    @property
    def attempt(self) -> int:
        """How many times the job was started, this time included."""
        return self.record.attempt

    @property
    def failures(self) -> int:
        """How many earlier runs failed."""
        return self.record.failures

    @property
    def task(self) -> str:
        return self.record.task

    @property
    def queue(self) -> str:
        return self.record.queue

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that made this job; None: none did."""
        return self._headers().get("schedule")

    @property
    def tick(self) -> datetime | None:
        """The time of the schedule's tick that this job is for, in UTC; it may begin later. None: it is for none."""
        text = self._headers().get("tick")
        return None if text is None else datetime.fromisoformat(text)

    def _headers(self) -> dict[str, str]:
        headers = self.record.headers
        return {} if headers is None else msgspec.msgpack.decode(headers, type=dict[str, str])

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that adds ``job``, ``task`` and ``attempt`` to every record."""
        if self._logger is None:
            extra = {"job": self.record.id, "task": self.record.task, "attempt": self.record.attempt}
            self._logger = logging.LoggerAdapter(_log, extra)
        return self._logger

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the run is. Cheap: the last word is written at most a few times a second."""
        self.said = Progress(float(done), None if total is None else float(total), note[:500], time.time())
        if self._report is not None:
            self._report(self, self.said)

    def enqueue(self, call: Bound[J]) -> J:
        """Enqueue a child: ``ctx.enqueue(other.call(1, 2))`` gives its `Job`. It carries this job's id as its parent."""
        return call.with_headers({"parent": self.record.id}).enqueue()


def current() -> Context:
    """The Context of the task that is running here. LongshoreError: none is."""
    try:
        return _current.get()
    except LookupError:
        raise LongshoreError("current() was called outside a running task: there is no job here") from None


def enter(context: Context) -> None:
    """Make ``context`` the current one, for the rest of this contextvars context."""
    _current.set(context)
