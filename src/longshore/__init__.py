"""Background work for Python, from one coroutine in a web server to a fleet of workers, with one API.

>>> from longshore import App
>>> app = App("sqlite:///jobs.db")
>>> @app.task
... def add(a: int, b: int) -> int:
...     return a + b

Names are loaded when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.context import Context, current
    from longshore.errors import (
        ArgumentError,
        ConfigError,
        Discard,
        JobCancelled,
        JobFailed,
        JobNotFound,
        LongshoreError,
        NotEncodable,
        ResultTimeout,
        RetryLater,
        Snooze,
        StoreError,
        TaskError,
        UniqueConflict,
        WorkerError,
    )
    from longshore.job import Job
    from longshore.middleware.base import Middleware
    from longshore.periodic import Planned
    from longshore.retry import Retry
    from longshore.schedules import Schedule, at, crontab, every
    from longshore.task import Call, Task
    from longshore.worker.worker import Worker

__version__ = "0.1.0"

_HOME = {
    "longshore.app": ("App",),
    "longshore.context": ("Context", "current"),
    "longshore.errors": (
        "ArgumentError", "ConfigError", "Discard", "JobCancelled", "JobFailed", "JobNotFound", "LongshoreError",
        "NotEncodable", "ResultTimeout", "RetryLater", "Snooze", "StoreError", "TaskError", "UniqueConflict", "WorkerError",
    ),
    "longshore.job": ("Job",),
    "longshore.middleware.base": ("Middleware",),
    "longshore.periodic": ("Planned",),
    "longshore.retry": ("Retry",),
    "longshore.schedules": ("Schedule", "at", "crontab", "every"),
    "longshore.task": ("Call", "Task"),
    "longshore.worker.worker": ("Worker",),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "App",
    "ArgumentError",
    "Call",
    "ConfigError",
    "Context",
    "Discard",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobNotFound",
    "LongshoreError",
    "Middleware",
    "NotEncodable",
    "Planned",
    "ResultTimeout",
    "Retry",
    "RetryLater",
    "Schedule",
    "Snooze",
    "StoreError",
    "Task",
    "TaskError",
    "UniqueConflict",
    "Worker",
    "WorkerError",
    "__version__",
    "at",
    "crontab",
    "current",
    "every",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
