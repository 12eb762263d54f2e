"""The words of `pulsar.apps.tasks`: jobs as classes, found by dotted paths, run by a task queue."""

from longshore.compat.pulsar.tasks.backend import TaskBackend
from longshore.compat.pulsar.tasks.errors import TaskNotAvailable, TaskTimeout
from longshore.compat.pulsar.tasks.models import Job, JobMetaClass, JobRegistry, PeriodicJob, anchorDate
from longshore.compat.pulsar.tasks.queue import TaskQueue
from longshore.compat.pulsar.tasks.states import (
    CODES,
    EXCEPTION_STATES,
    FAILURE,
    FULL_RUN_STATES,
    QUEUED,
    READY_STATES,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    UNREADY_STATES,
    status_string,
)
from longshore.compat.pulsar.tasks.task import Task, TaskConsumer, nice_task_message

__all__ = (
    "CODES",
    "EXCEPTION_STATES",
    "FAILURE",
    "FULL_RUN_STATES",
    "QUEUED",
    "READY_STATES",
    "RETRY",
    "REVOKED",
    "STARTED",
    "SUCCESS",
    "UNREADY_STATES",
    "Job",
    "JobMetaClass",
    "JobRegistry",
    "PeriodicJob",
    "Task",
    "TaskBackend",
    "TaskConsumer",
    "TaskNotAvailable",
    "TaskQueue",
    "TaskTimeout",
    "anchorDate",
    "nice_task_message",
    "status_string",
)
