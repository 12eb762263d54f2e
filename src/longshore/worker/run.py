"""One run of one job, in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from longshore.context import Context
from longshore.model import JobRecord, Progress
from longshore.outcome import Failed, Outcome

if TYPE_CHECKING:
    from longshore.task import Task

Report = Callable[[Context, Progress], None]


class Run:
    """A leased job on its way through an executor.

    ``stop``: set once it was told to stop; the outcome it then ends with. ``stopper``: how its executor stops it, once it
    runs; may be called by any thread, and more than once. ``handle`` is the executor's own.
    ``closed``: its outcome is decided (or somebody else has the job now); whatever it still comes to counts for nothing.
    """

    __slots__ = ("begun", "closed", "context", "handle", "job", "overdue", "stop", "stopper", "task")

    def __init__(self, job: JobRecord, task: Task[..., Any], report: Report | None = None) -> None:
        self.job = job
        self.task = task
        self.context = Context(job, report)
        self.stop: Outcome | None = None
        self.stopper: Callable[[Run], object] | None = None
        self.handle: Any = None
        self.closed = False
        #: monotonic time at which its function began; 0.0: not yet
        self.begun = 0.0
        #: a thread that outlived its time-out was reported
        self.overdue = False

    def late(self) -> bool:
        """Whether it is a function in a thread that outlived its time-out."""
        timeout = self.task.options.timeout
        return (
            timeout is not None
            and self.task.kind == "sync"
            and self.begun > 0.0
            and time.monotonic() - self.begun > timeout
        )

    def halt(self, outcome: Outcome) -> None:
        """Tell it to stop and what it is then; the first word counts, but asking again presses again."""
        if self.stop is None:
            self.stop = outcome
            self.context.timed_out = isinstance(outcome, Failed)
        self.context.cancelled = True
        if self.stopper is not None:
            self.stopper(self)
