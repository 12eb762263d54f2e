"""The tasks an app knows, as they come in and go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from longshore.errors import TaskError
from longshore.names import task_name
from longshore.task.core import Task
from longshore.task.registry import Registry
from longshore.task.runnable import Runnable

_log = logging.getLogger("longshore.app")


class Book:
    """Every task by its name. ``find`` is told a name that is not there, and may make its task then.

    ``elsewhere`` says whether workers may live in other processes, which cannot import what the running script defines.
    """

    def __init__(self, find: Callable[[str], object] | None, *, elsewhere: Callable[[], bool]) -> None:
        #: by name; whoever shares it sees every change
        self.tasks: dict[str, Task[..., Any]] = {}
        self._find = find
        self._elsewhere = elsewhere
        self._unimportable: set[str] = set()

    def registry(self) -> Registry:
        """What users see of it."""
        return Registry(self.tasks)

    def add(self, task: Task[..., Any]) -> None:
        """TaskError: the name is taken."""
        other = self.tasks.get(task.name)
        if other is not None:
            raise TaskError(
                f'the task name "{task.name}" is taken by {other.module}.{other.qualname}. '
                'Give this one a name of its own: @app.task(name="...")'
            )
        self.tasks[task.name] = task
        # What the running script defines, a worker elsewhere cannot import; one in this process need not. A name given by
        # hand is a promise that the worker will know it.
        if task.in_main and task.name == task_name(task.fn) and self._elsewhere():
            self._unimportable.add(task.name)

    def forget(self, name: str) -> None:
        """Make room for another task of this name."""
        self.tasks.pop(name, None)
        self._unimportable.discard(name)

    def named(self, name: str) -> Task[..., Any] | None:
        """The task of this name, which ``find`` may make first; None: there is none."""
        if name not in self.tasks and self._find is not None:
            try:
                self._find(name)
            except Exception:
                _log.exception('find_task failed for "%s"', name)
        return self.tasks.get(name)

    def check_importable(self, task: Runnable) -> None:
        """TaskError: no worker of another process could run it."""
        if task.name not in self._unimportable:
            return
        script = task.name.partition(".")[0]
        raise TaskError(
            f'"{task.qualname}" is defined in the script you ran ({script}.py), which a worker would import under another '
            "name, running the script again.\nMove the task to a module of its own, or give it a name "
            f'(@app.task(name="...")), or run: longshore dev {script}.py'
        )
