"""The tasks of an app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from longshore.task.core import Task


class Registry(Mapping[str, Task[..., Any]]):
    """Every task by its name; read-only for users."""

    def __init__(self, tasks: Mapping[str, Task[..., Any]]) -> None:
        self._tasks = tasks

    def __repr__(self) -> str:
        return f"<{len(self)} tasks: {', '.join(self)}>"

    def __getitem__(self, name: str) -> Task[..., Any]:
        return self._tasks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def periodic(self) -> dict[str, Task[..., Any]]:
        """Those for which code declares a schedule."""
        return {name: task for name, task in self.items() if task.periodic}

    def regular(self) -> dict[str, Task[..., Any]]:
        """The others."""
        return {name: task for name, task in self.items() if not task.periodic}
