"""The zoo on a store in a file, and programs that work on it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from longshore import App
from longshore.testing.ledger import Ledger
from longshore.testing.processes import Program

HERE = Path(__file__).parent


class Zoo:
    """The zoo's tasks on a store of their own, and programs that share it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        import zoo

        self.url = f"sqlite:///{folder / 'jobs.db'}"
        self.ledger = Ledger(folder / "ledger")
        self.go = Path(f"{self.ledger.path}.go")
        self._stack = stack
        self.app = stack.enter_context(App(self.url, lease=1.0, sweep=0.2))
        for task in zoo.app.tasks.values():
            self.app.task(name=task.name)(task.fn)

    def enqueue(self, task: str, count: int = 1) -> list[str]:
        """So many jobs of this task; their ids."""
        calls = [self.app.tasks[task].call() for _ in range(count)]
        return [job.id for job in self.app.enqueue_many(calls)]

    def begun(self, job_id: str) -> int:
        """How often a job began."""
        return sum(start.job == job_id for start in self.ledger.starts())

    def program(self, script: str, *arguments: str, **env: str) -> Program:
        """Run a script of this folder; it is killed at the end of the test."""
        environment = {**os.environ, "ZOO_URL": self.url, "ZOO_LEDGER": str(self.ledger.path), **env}
        return self._stack.enter_context(Program(str(HERE / script), *arguments, env=environment))
