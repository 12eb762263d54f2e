"""Everything Longshore raises.

LongshoreError
├── ConfigError (ValueError)       a URL, option, path or definition that cannot work
│   ├── TaskError                  a function that cannot be a task, or a name taken twice
│   └── AppNotFound                MODULE:APP that leads nowhere
├── ArgumentError (TypeError)      a call that does not fit the task's signature
│   └── NotEncodable               a value that cannot be stored
├── UniqueConflict                 the unique key is held by another job
├── StoreError
│   ├── StoreUnavailable           cannot be reached, or locked for too long
│   ├── StoreFull                  no room left on the disk
│   └── SchemaError                not ours, too old, or from the future
├── JobError
│   ├── JobFailed                  result() of a failed or held job
│   ├── JobCancelled               result() of a cancelled job
│   ├── JobNotFound                no such id: never existed here, or removed by retention
│   └── ResultTimeout (TimeoutError)
└── WorkerError                    a worker that cannot start or go on

Steering                           raised inside a task to steer its outcome; not errors
├── Snooze(seconds)                again later, costs no retry
├── RetryLater(seconds)            again later, counts as a failure
└── Discard(reason)                end as cancelled, never again
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any


class LongshoreError(Exception):
    """Base of all errors of this library."""


class ConfigError(LongshoreError, ValueError):
    """A URL, an option or a definition cannot work; the message names the value and the fix."""


class TaskError(ConfigError):
    """A function or class cannot be a task, or its name is taken."""


class AppNotFound(ConfigError):
    """``MODULE:APP`` names no module, no attribute, or something that is no App."""


class ArgumentError(LongshoreError, TypeError):
    """The arguments do not fit the task's signature. Raised at enqueue; nothing was stored."""


class NotEncodable(ArgumentError):
    """A value has no stored form, or one that would not come back the same. Nothing was stored."""


class UniqueConflict(LongshoreError):
    """The unique key is held by another job and the mode is ``reject``.

    ``holder`` is the id of the job that holds it.
    """

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class StoreError(LongshoreError):
    """The store refused or failed."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or stayed locked; the same call may succeed later."""


class StoreFull(StoreError):
    """The disk under the store is full. What was not acknowledged was not stored."""


class SchemaError(StoreError):
    """The store holds something that is not ours, or another version of our schema."""


class JobError(LongshoreError):
    """About one job; ``job_id`` is its id."""

    def __init__(self, message: str, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class JobFailed(JobError):
    """The job ended failed or held.

    ``kind`` is the exception's qualified name in the worker, ``traceback`` its text (may be empty).
    """

    def __init__(self, message: str, job_id: str, kind: str = "", traceback: str = "") -> None:
        super().__init__(message, job_id)
        self.kind = kind
        self.traceback = traceback


class JobCancelled(JobError):
    """The job ended cancelled: by hand, by ``Discard``, or because it expired before it could start."""


class JobNotFound(JobError):
    """No job has this id: it never existed in this store, or retention removed it."""


class ResultTimeout(JobError, TimeoutError):
    """The job was not finished in time. It goes on; ask again later."""


class WorkerError(LongshoreError):
    """A worker cannot start, or one of its own threads died."""


_CENTURY = 100 * 366 * 86400.0


def _seconds(value: float | timedelta) -> float:
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not number < _CENTURY:  # NaN, too: no store has a time for it
        raise ValueError(f"a delay of {number:g} s: give less than 100 years")
    return max(0.0, number)


class Steering(Exception):
    """Raised by a task to say how its run should end."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.args)


class Snooze(Steering):
    """Run this job again after ``delay`` (seconds or timedelta). Costs no retry."""

    def __init__(self, delay: float | timedelta) -> None:
        super().__init__(delay)
        self.delay = _seconds(delay)


class RetryLater(Steering):
    """Count this run as failed and run again after ``delay`` (seconds or timedelta), if a retry is left."""

    def __init__(self, delay: float | timedelta, reason: str = "") -> None:
        super().__init__(delay, reason)
        self.delay = _seconds(delay)
        self.reason = reason


class Discard(Steering):
    """End this job as cancelled, with this reason; no retry."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
