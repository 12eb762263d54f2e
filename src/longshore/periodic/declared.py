"""A schedule declared in code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from longshore.periodic.entry import Entry, OverlapRule, overlap_of
from longshore.schedules import Schedule
from longshore.task import Task
from longshore.ticks import Overlap


class Declared(NamedTuple):
    """What ``@app.periodic`` said: the entry to store, and what cannot be stored."""

    task: Task[..., Any]
    schedule: Schedule
    entry: Entry
    overlap: OverlapRule
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def ask(self) -> Overlap:
        """What its overlap function says of its arguments now."""
        rule = self.overlap
        return overlap_of(rule(*self.args, **self.kwargs) if callable(rule) else rule)
