"""Where measurements happen: an app on a store of its own, and bare loops on the same tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from benchmarks.figure import Goal
from longshore import App, Task

QUEUE = "default"
#: seconds a finished job is kept: the app's default
KEEP = 604_800.0
#: a result of None as it is stored
NONE = b"\x01\xc0"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """An empty store at a URL, and an app on it."""

    app: App
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a worker process needs to find the same store."""
        return {**os.environ, "LONGSHORE_URL": self.url}

    def task(self, name: str) -> Task[..., Any]:
        """A task of `benchmarks.tasks`, on this place's store."""
        return self.app.tasks[f"benchmarks.tasks.{name}"]

    def fill(self, name: str, jobs: int, **options: Any) -> None:
        """Jobs of one task, in bulk."""
        task = self.task(name).using(**options)
        for start in range(0, jobs, 20_000):
            task.enqueue_many([()] * min(20_000, jobs - start))


class Floor(Protocol):
    """What a careful person would write by hand with the bare driver: the same tables and columns, every update guarded by
    (state, attempt), many jobs a statement. Rows are ready before the clock starts; nothing is checked, nobody is told.
    """

    def rows(self, count: int) -> list[Row]:
        """Jobs as they are stored, due now; the first value of each is its id."""
        ...

    def insert(self, jobs: Sequence[Row], batch: int) -> None:
        """Store them, so many in one transaction."""
        ...

    def exchange(self, done: Sequence[Row], limit: int, result: bytes = NONE) -> list[Row]:
        """In one transaction: store the results of these, and lease the first that are due."""
        ...

    def left(self) -> bool:
        """Whether anything is queued or running."""
        ...

    def result(self, row: Row) -> bytes:
        """What was stored for a row of `rows`."""
        ...

    async def call_each(self, jobs: Sequence[Row], callers: int) -> None:
        """The driver's own async client: so many concurrent callers, one statement a job."""
        ...

    def close(self) -> None: ...


class Ground(Protocol):
    """A kind of store to measure on, its server running. A module of this package."""

    NAME: str
    #: by what is measured
    GOALS: Mapping[str, Goal]

    def started(self) -> AbstractContextManager[None]:
        """Start the server, if there is one, for as long as this is open."""
        ...

    def place(self) -> AbstractContextManager[Place]:
        """An empty store."""
        ...

    def floor(self, url: str) -> Floor:
        """A bare connection to the store at a URL."""
        ...

    def processor(self) -> float:
        """Seconds of processor time the server has used; 0.0: there is none."""
        ...

    def size(self, url: str) -> int:
        """Bytes the jobs of a store take, indexes included."""
        ...

    def calls(self, url: str) -> int:
        """What the server was asked to do so far: transactions or commands. 0: nobody counts."""
        ...

    def unanalyzed(self, url: str) -> None:
        """Let go of what the server knows about the jobs' distribution, if it keeps such."""
        ...

    def version(self) -> str: ...


def ground(name: str) -> Ground:
    """The module of this name."""
    return cast("Ground", import_module(f"benchmarks.{name}.ground"))


@contextmanager
def app_at(url: str) -> Iterator[App]:
    """The app of `benchmarks.tasks`, on this store."""
    # The task module makes its app at import, as users' modules do; here several stores are wanted in one process.
    before = os.environ.get("LONGSHORE_URL")
    os.environ["LONGSHORE_URL"] = url
    sys.modules.pop("benchmarks.tasks", None)
    try:
        tasks = import_module("benchmarks.tasks")
    finally:
        if before is None:
            del os.environ["LONGSHORE_URL"]
        else:
            os.environ["LONGSHORE_URL"] = before
    with tasks.app as app:
        yield app
