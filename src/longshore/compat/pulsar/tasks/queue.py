"""The task queue: its settings, its backend, and the workers that run its tasks."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Self

from longshore.app import App
from longshore.compat.pulsar.tasks.backend import DEFAULT_NAME, TaskBackend
from longshore.compat.pulsar.tasks.fleet import run_fleet
from longshore.errors import ConfigError
from longshore.names import check_name
from longshore.suggest import did_you_mean
from longshore.worker.service import serve
from longshore.worker.worker import Worker

SETTINGS = ("name", "task_paths", "task_backend", "schedule_periodic", "concurrent_tasks", "workers")


class TaskQueue:
    """Jobs by dotted paths, a backend for their tasks, and workers.

    callable           called when the queue starts
    name               of the queue of tasks; task queues of one name and backend share their tasks
    task_paths         the modules of the jobs: ``"shop.jobs"``, ``"shop.jobs.*"``
    task_backend       the URL of a store (else the variable LONGSHORE_URL, else ``sqlite:///longshore.db``), or an `App`
    schedule_periodic  whether periodic jobs run by themselves; any number of running queues may say so
    concurrent_tasks   most tasks at once in one worker
    workers            how many worker processes `start` runs

    ConfigError: a value that cannot work.
    """

    def __init__(
        self,
        callable: Callable[[], object] | None = None,
        *,
        name: str = DEFAULT_NAME,
        task_paths: str | Iterable[str] = (),
        task_backend: str | App | None = None,
        schedule_periodic: bool = False,
        concurrent_tasks: int = 5,
        workers: int = 1,
        **others: Any,
    ) -> None:
        for other in others:
            raise ConfigError(
                f'TaskQueue has no setting "{other}"{did_you_mean(other, SETTINGS)}. There are: {", ".join(SETTINGS)}'
            )
        self.callable = callable
        self.name = check_name(name, "the name of a task queue", ConfigError)
        self.task_paths = [task_paths] if isinstance(task_paths, str) else list(task_paths)
        self.task_backend = task_backend
        self.schedule_periodic = bool(schedule_periodic)
        self.concurrent_tasks = _count(concurrent_tasks, "concurrent_tasks")
        self.workers = _count(workers, "workers")
        self.logger = logging.getLogger(f"pulsar.{name}")
        self._backend: TaskBackend | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<TaskQueue {self.name}>"

    @property
    def backend(self) -> TaskBackend:
        """Queues tasks and looks at them, whether the queue was started or not. Loads the jobs at first use."""
        with self._lock:
            if self._backend is None:
                backend = TaskBackend(
                    self.task_backend or None,
                    self.logger,
                    self.task_paths,
                    self.schedule_periodic,
                    self.concurrent_tasks,
                    name=self.name,
                )
                _ = backend.registry
                self._backend = backend
            return self._backend

    @property
    def app(self) -> App:
        """The Longshore app underneath."""
        return self.backend.app

    # -- running ---------------------------------------------------------------------------------------------------

    def start(self) -> asyncio.Future[None] | None:
        """Run the tasks.

        In the main thread of a program: until SIGTERM or SIGINT (the first drains, the second gives back at once), in as
        many processes as ``workers``. In another thread: until `stop`. In a coroutine: returns a future that is done once
        the worker runs, in this event loop; `stop` ends it.

        ConfigError: more than one worker elsewhere than in the main thread. WorkerError: the worker died.
        """
        backend = self.backend
        loop = _running_loop()
        main = loop is None and threading.current_thread() is threading.main_thread()
        if self.workers > 1 and not main:
            raise ConfigError(
                f"workers={self.workers}: several processes are started from the main thread of a program alone; here, "
                "workers=1"
            )
        if self.callable is not None:
            self.callable()
        if self.workers > 1:
            code = run_fleet(self.settings(), backend.app, self.workers)
            if code:
                raise SystemExit(code)
            return None
        worker = self._worker()
        if loop is not None:
            worker.start(loop)
            done = loop.create_future()
            done.set_result(None)
            return done
        if main:
            serve(worker)
        else:
            worker.start().join()
        return None

    def stop(self) -> asyncio.Future[None] | None:
        """Take no more tasks and end when those that run have ended. In a coroutine: the future of that end."""
        worker = self.backend.worker
        if worker is None:
            return None
        worker.stop()
        loop = _running_loop()
        return None if loop is None else loop.create_task(worker.ajoin())

    def serve(self, name: str | None = None, parent_fd: int | None = None) -> None:
        """One worker in this process, in its main thread, until it is told to stop. WorkerError: it died."""
        serve(self._worker(name), parent_fd)

    def settings(self) -> dict[str, Any]:
        """What another process needs to make the same queue. ConfigError: it is more than a URL and paths."""
        if isinstance(self.task_backend, App):
            raise ConfigError(
                "task_backend is an App, which other processes cannot have: give its URL instead, or workers=1"
            )
        if "__main__" in self.task_paths:
            raise ConfigError(
                "task_paths names __main__, the script that is running, which other processes do not run: move its jobs to "
                "a module of their own and name that, or workers=1"
            )
        return {name: getattr(self, name) for name in SETTINGS if name != "workers"}

    def close(self) -> None:
        """Let go of the store; a later use opens again."""
        if self._backend is not None:
            self._backend.close()

    def _worker(self, name: str | None = None) -> Worker:
        backend = self.backend
        worker = backend.app.worker(queues=[self.name], concurrency=self.concurrent_tasks, name=name)
        backend.worker = worker
        self.logger.info("task queue %s: worker %s on %s", self.name, worker.name, backend.app.url)
        return worker

    def __enter__(self) -> Self:
        self._worker().start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        worker = self.backend.worker
        assert worker is not None
        worker.__exit__(kind)

    async def __aenter__(self) -> Self:
        await self._worker().__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        worker = self.backend.worker
        assert worker is not None
        await worker.__aexit__(kind)


def _count(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{what} must be a whole number of at least 1, not {value!r:.80}")
    return value


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
