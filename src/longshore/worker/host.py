"""What a worker needs of the app it works for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from longshore.middleware.base import Middleware
from longshore.outbox import Outbox
from longshore.periodic import Schedules
from longshore.stores.base import Store
from longshore.task import Task


class Host(Protocol):
    """See `longshore.App`: its tasks, its store, and how it wants its jobs run. Times are in seconds."""

    lease: float
    sweep: float
    max_crashes: int
    max_result: int
    #: ``module:function`` to call first in processes for jobs, see `executors.child`; empty: nothing
    prepare: str
    middleware: Sequence[Middleware]

    schedules: Schedules
    outbox: Outbox | None

    @property
    def store(self) -> Store: ...

    @property
    def tasks(self) -> Mapping[str, Task[..., Any]]: ...

    def task_named(self, name: str) -> Task[..., Any] | None:
        """The task of this name, looked for further than `tasks` where the app knows how; None: there is none."""
        ...

    def hosting(self) -> AbstractContextManager[None]:
        """Entered while a worker runs in this process."""
        ...
