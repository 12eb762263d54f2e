"""What a scheduler is doing right now, for operators: plain frozen data, safe to keep, print or send."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from .job import CLOSED, PENDING, Job


@dataclass(frozen=True, slots=True)
class Counters:
    """How many jobs came, and what became of them, since the scheduler was made."""

    spawned: int  # accepted: started, or pending
    succeeded: int
    failed: int
    cancelled: int
    timed_out: int  # stopped by their own timeout, or given up because they would not stop
    refused: int  # by `spawn_nowait`, because there was no room

    def as_dict(self) -> dict[str, int]:
        """The counters under their names, to hand on to a metrics library."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """One job that has not ended."""

    name: str
    state: str  # pending | active | stopping (asked to stop) | stuck (given up, but still running)
    age: float  # seconds since it was spawned
    running: float | None  # seconds since it started; None while pending
    stack: tuple[str, ...]  # where it is suspended, outermost first: "path/file.py:12 in function"

    @property
    def where(self) -> str | None:
        """The innermost place where the job is suspended, or None while it is pending."""
        return self.stack[-1] if self.stack else None

    def __str__(self) -> str:
        age = self.age if self.running is None else self.running
        return f"{self.name}  {self.state} {age:.1f} s  {self.where or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class SchedulerSnapshot:
    """A scheduler at one moment."""

    state: str  # open | draining | closed
    limit: int | None
    pending_limit: int
    active: int
    pending: int
    blocked: int  # spawns that wait for room among the pending
    counters: Counters
    jobs: tuple[JobSnapshot, ...]  # active ones first, each group in the order they came

    def __str__(self) -> str:
        limit = "no limit" if self.limit is None else f"limit {self.limit}"
        head = f"{self.state}: {self.active} active ({limit}), {self.pending} pending, {self.blocked} blocked"
        return "\n".join([head, *map(str, self.jobs)])


def job_snapshot(job: Job[Any]) -> JobSnapshot:
    """Describe `job` as it is now."""
    now = time.monotonic()
    pending = job._state is PENDING
    if job._state is CLOSED:
        state = "stuck"
    else:
        state = "stopping" if job._stop else job._state
    return JobSnapshot(
        name=job.name,
        state=state,
        age=now - job._spawned_at,
        running=None if pending else now - job._started_at,
        stack=() if pending else tuple(_places(job._coro)),
    )


def _places(awaited: Any) -> Iterator[str]:
    """Follow the chain of awaits, from the coroutine inwards, as far as there is Python code."""
    while awaited is not None:
        frame: FrameType | None
        for kind in ("cr", "gi", "ag"):
            frame = getattr(awaited, f"{kind}_frame", None)
            if frame is not None:
                code = frame.f_code
                yield f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"
                awaited = getattr(awaited, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            return
