"""Whether a job may have several tasks at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from longshore.compat.pulsar.tasks.models import Job


def may_overlap(job: Job, kwargs: Mapping[str, Any]) -> bool:
    """What the job says of a task with these arguments."""
    rule = _rule(job)
    return bool(rule(**kwargs)) if callable(rule) else bool(rule)


def asks(job: Job) -> bool:
    """Whether it is a function that says so each time."""
    return callable(_rule(job))


def _rule(job: Job) -> Callable[..., Any] | bool:
    """A function in the class is given the arguments only, unless its first parameter is ``self``."""
    if "can_overlap" in vars(job):
        found: Any = vars(job)["can_overlap"]
        return found  # type: ignore[no-any-return]
    raw = inspect.getattr_static(type(job), "can_overlap")
    if inspect.isfunction(raw) and next(iter(inspect.signature(raw).parameters), None) != "self":
        return raw
    return job.can_overlap  # type: ignore[no-any-return]
