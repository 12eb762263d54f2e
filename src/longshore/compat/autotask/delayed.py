"""A function whose calls are jobs, and what such a call gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Final

from longshore.compat.autotask.task import DONE, ERROR, RUNNING, WAITING
from longshore.errors import JobNotFound
from longshore.integrations.django import app
from longshore.job import Job
from longshore.model import State
from longshore.task import Task

_STATUS: Final[dict[State, int]] = {
    "queued": WAITING,
    "waiting": WAITING,
    "running": RUNNING,
    "succeeded": DONE,
    "failed": ERROR,
    "cancelled": ERROR,
    "held": ERROR,
}


class DelayedTask:
    """The handle on one call. Each attribute looks into the store anew; ``pk`` is the id of the job, to keep.

    Once the result's time to live is over, and a worker has cleaned up, nothing is known any more.
    """

    __slots__ = ("pk",)

    def __init__(self, pk: str) -> None:
        self.pk = pk

    def __repr__(self) -> str:
        return f"<DelayedTask {self.pk}>"

    @property
    def job(self) -> Job[Any]:
        """The job itself, with all that Longshore knows of it."""
        return app.job(self.pk)

    @property
    def ready(self) -> bool | None:
        """Whether it ended, well or not; False while it waits, also for another try. None: nothing is known of it."""
        job = self._seen()
        return None if job is None else job.done

    @property
    def status(self) -> int | None:
        """WAITING, RUNNING, DONE or ERROR; None: nothing is known of it. Cancelled counts as ERROR."""
        job = self._seen()
        return None if job is None else _STATUS[job.state]

    @property
    def result(self) -> Any:
        """What the function returned; None before that, and after an error."""
        job = self._seen()
        return job.result(0) if job is not None and job.state == "succeeded" else None

    @property
    def error_message(self) -> str:
        """The error's type and text, also while another try is due; empty if there was none."""
        job = self._seen()
        if job is None or job.state == "succeeded":
            return ""
        if job.error is not None:
            return f"{job.error.kind}: {job.error.message}"
        return job.reason or "" if job.done else ""

    def _seen(self) -> Job[Any] | None:
        try:
            return self.job.refresh()
        except JobNotFound:
            return None


class DelayedFunction:
    """A decorated function: a call stores a job and returns at once. ``__wrapped__`` is the function, ``task`` the task."""

    __wrapped__: Callable[..., Any]

    def __init__(self, task: Task[..., Any], function: Callable[..., Any], delay: float) -> None:
        update_wrapper(self, function)
        self.task = task
        self._calls = task.using(delay=delay) if delay else task

    def __repr__(self) -> str:
        return f"<delayed {self.task.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> DelayedTask:
        """ArgumentError: the arguments do not fit the function, or cannot be stored."""
        return DelayedTask(self._calls.enqueue(*args, **kwargs).id)
