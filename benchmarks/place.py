"""Where one measurement happens: an app on a store of its own in a temporary folder."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from longshore import App, Task

QUEUE = "default"


@dataclass(frozen=True)
class Place:
    """``environment`` is what a worker process needs to find the same store."""

    app: App
    path: str
    environment: dict[str, str]

    def task(self, name: str) -> Task[..., Any]:
        """A task of `benchmarks.tasks`, on this place's store."""
        return self.app.tasks[f"benchmarks.tasks.{name}"]

    def fill(self, name: str, jobs: int) -> None:
        """Jobs of one task, in bulk."""
        task = self.task(name)
        for start in range(0, jobs, 50_000):
            task.enqueue_many([()] * min(50_000, jobs - start))


@contextmanager
def place() -> Iterator[Place]:
    """An empty store. BENCHMARKS_DIR: on which disk."""
    with TemporaryDirectory(prefix="longshore-", dir=os.environ.get("BENCHMARKS_DIR")) as folder:
        path = str(Path(folder) / "jobs.db")
        url = f"sqlite:///{path}"
        with tasks_on(url) as app:
            yield Place(app, path, {**os.environ, "LONGSHORE_URL": url})


@contextmanager
def tasks_on(url: str) -> Iterator[App]:
    """The app of `benchmarks.tasks` on this store."""
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


def machine() -> dict[str, str]:
    """What the figures depend on."""
    cpu = platform.processor() or "?"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cpu": f"{os.cpu_count()} x {cpu}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }
