"""What the task queue raises besides Longshore's own errors."""

from __future__ import annotations

from collections.abc import Iterable

from longshore.errors import ConfigError, ResultTimeout
from longshore.suggest import did_you_mean

#: a wait for a task that ended too late; a TimeoutError
TaskTimeout = ResultTimeout


class TaskNotAvailable(ConfigError):
    """No job of this name is registered; ``task_name`` is the name."""

    def __init__(self, task_name: str, known: Iterable[str] = ()) -> None:
        names = sorted(known)
        hint = did_you_mean(task_name, names)
        if not names:
            hint = ": no job is. Name the modules of your jobs, TaskQueue(task_paths=[...])"
        super().__init__(f"Task {task_name} is not registered{hint}")
        self.task_name = task_name
