"""What ``@app.periodic(...)`` does with what it decorates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from longshore.errors import LongshoreError, TaskError
from longshore.periodic.schedules import Schedules
from longshore.schedules import Schedule
from longshore.task import Book, Task


class Declaration(NamedTuple):
    """A schedule looking for its task; ``terms`` are the rest of what `Schedules.declare` is told."""

    schedules: Schedules
    book: Book
    rule: Schedule
    terms: Mapping[str, Any]

    def made(self, task: Task[..., Any]) -> None:
        """For a task made just now, which is not one if its schedule cannot work."""
        self.book.add(task)
        try:
            self.schedules.declare(task, self.rule, **self.terms)
        except LongshoreError:
            self.book.forget(task.name)
            raise

    def again(self, task: Task[..., Any], given: Mapping[str, Any]) -> None:
        """For a task made before. TaskError: ``given`` options come too late, or it belongs to another app."""
        late = [option for option in given if option != "name"]
        if late:
            raise TaskError(
                f"{task.name} is a task already: give {late[0]} where it is made, @app.task({late[0]}=...)"
            )
        if self.book.tasks.get(task.name) is not task:
            raise TaskError(f"{task.name} is a task of another app")
        self.schedules.declare(task, self.rule, **self.terms)
