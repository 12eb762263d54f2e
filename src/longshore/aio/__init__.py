"""Bounded coroutines in one process: `Scheduler` and its `Job`. Needs nothing but Python."""

from .errors import SchedulerClosed, SchedulerFull
from .job import Job
from .scheduler import ExceptionHandler, Scheduler, create_scheduler
from .snapshot import Counters, JobSnapshot, SchedulerSnapshot

__all__ = (
    "Counters",
    "ExceptionHandler",
    "Job",
    "JobSnapshot",
    "Scheduler",
    "SchedulerClosed",
    "SchedulerFull",
    "SchedulerSnapshot",
    "create_scheduler",
)
