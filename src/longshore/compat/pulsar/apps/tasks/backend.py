"""See `longshore.compat.pulsar.tasks.backend` and `longshore.compat.pulsar.tasks.task`."""

from longshore.compat.pulsar.tasks.backend import TaskBackend
from longshore.compat.pulsar.tasks.errors import TaskNotAvailable, TaskTimeout
from longshore.compat.pulsar.tasks.task import Task, TaskConsumer, nice_task_message

__all__ = ("Task", "TaskBackend", "TaskConsumer", "TaskNotAvailable", "TaskTimeout", "nice_task_message")
