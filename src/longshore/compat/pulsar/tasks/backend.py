"""The task backend: queues tasks, finds them, waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from longshore.app import App
from longshore.compat.pulsar.tasks.asking import Asking
from longshore.compat.pulsar.tasks.body import body_of
from longshore.compat.pulsar.tasks.errors import TaskNotAvailable
from longshore.compat.pulsar.tasks.events import Callback, Events
from longshore.compat.pulsar.tasks.listing import Listing
from longshore.compat.pulsar.tasks.models import Job, JobRegistry, PeriodicJob
from longshore.compat.pulsar.tasks.replies import Reply, reply
from longshore.compat.pulsar.tasks.schedule import declare
from longshore.compat.pulsar.tasks.task import Task
from longshore.compat.pulsar.tasks.waiting import Desk
from longshore.errors import ConfigError, UniqueConflict
from longshore.ids import new_id
from longshore.model import JobRecord, Where
from longshore.periodic import Planned
from longshore.worker.worker import Worker

Answer = asyncio.Future[Any] | Reply[Any]
DEFAULT_NAME = "tasks"


class TaskBackend:
    """Queues tasks and looks at them, with or without a `TaskQueue` that runs them.

    store              where tasks are kept: a URL of Longshore's, or an `App`
    task_paths         the modules of the jobs: see `JobRegistry.load`
    schedule_periodic  whether periodic jobs run by themselves while this backend has a worker
    backlog            most tasks at once in one worker
    name               the queue tasks wait in; backends of one name and store share their tasks

    In a coroutine its calls give a future to await; elsewhere they block, and what they give is there already
    (``.result()``). ConfigError: a value that cannot work. StoreError: the store fails.
    """

    def __init__(
        self,
        store: str | App | None = None,
        logger: logging.Logger | None = None,
        task_paths: str | Iterable[str] | None = None,
        schedule_periodic: bool = False,
        backlog: int = 1,
        max_tasks: int = 0,
        name: str | None = None,
        poll_timeout: float | None = None,
    ) -> None:
        if max_tasks:
            raise ConfigError(
                f"max_tasks={max_tasks!r}: workers are not restarted after so many tasks; leave it out"
            )
        self.app = store if isinstance(store, App) else App(store)
        self.name = name or DEFAULT_NAME
        self.logger = logger or logging.getLogger(f"pulsar.{self.name}")
        self.task_paths = [task_paths] if isinstance(task_paths, str) else list(task_paths or ())
        self.schedule_periodic = bool(schedule_periodic)
        self.backlog = backlog
        self.max_tasks = max_tasks
        #: kept for those who read it: tasks are not polled for, workers hear of them
        self.poll_timeout = max(poll_timeout or 0, 2)
        #: the worker that runs here, if one does
        self.worker: Worker | None = None
        self._events = Events(lambda: self.app.store, self.name)
        self._asking = Asking(self.app, self.name)
        self._desk = Desk(self.app, self.task_of)

    def __repr__(self) -> str:
        return f"task {'scheduler' if self.schedule_periodic else 'consumer'} {self.app.url}"

    @cached_property
    def registry(self) -> JobRegistry:
        """The jobs, loaded at first use."""
        registry = JobRegistry.load(self.task_paths)
        for job in registry.values():
            task = self._asking.define(job, body_of(job, self))
            if self.schedule_periodic and isinstance(job, PeriodicJob):
                declare(self.app, self.name, job, task)
        return registry

    @property
    def entries(self) -> dict[str, Planned]:
        """The schedules of the periodic jobs, by the job's name, as the store has them."""
        return self._listing().entries()

    @property
    def concurrent_tasks(self) -> set[str]:
        """The ids of the tasks that run here."""
        return set() if self.worker is None else {run.job.id for run in list(self.worker.feed.runs.values())}

    @property
    def num_concurrent_tasks(self) -> int:
        """How many tasks run here."""
        return len(self.concurrent_tasks)

    @property
    def processed(self) -> int:
        """How many tasks the worker here has run to their end."""
        counts = {} if self.worker is None else self.worker.counts
        return sum(counts.get(state, 0) for state in ("succeeded", "failed", "cancelled", "held"))

    # -- queueing --------------------------------------------------------------------------------------------------

    def queue_task(
        self,
        jobname: str,
        meta_params: Mapping[str, Any] | None = None,
        expiry: float | timedelta | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Queue a task of this job with these arguments; the future of its id, of None if it may not overlap.

        expiry        not started so long from now (seconds or timedelta), it is revoked; None: the job's ``timeout``
        meta_params   kept with the task: ``from_task``, and what else can be JSON

        TaskNotAvailable: no such job. ArgumentError: the arguments do not fit, or cannot be stored.
        """
        request = self._asking.request(self._job(jobname), kwargs, expiry, meta_params)

        def here() -> str | None:
            try:
                return self.app.enqueue([request])[0].id
            except UniqueConflict:
                return None

        async def there() -> str | None:
            try:
                return (await self.app.aenqueue([request]))[0].id
            except UniqueConflict:
                return None

        return reply(here, there)

    def generate_task_ids(self, job: Job, kwargs: Mapping[str, Any]) -> tuple[str, str | None]:
        """A new id, and the key under which a task with these arguments is alone (None: it need not be)."""
        return new_id(), self._asking.request(job, kwargs).unique

    def _job(self, name: str) -> Job:
        job = self.registry.get(name)
        if job is None:
            raise TaskNotAvailable(name, self.registry)
        return job

    # -- looking ---------------------------------------------------------------------------------------------------

    def get_task(self, task_id: str) -> Answer:
        """The future of the task with this id, of None if there is none."""
        return self._desk.get_task(task_id)

    def get_tasks(self, ids: Sequence[str]) -> Answer:
        """The future of the list of the tasks that exist."""
        return self._desk.get_tasks(ids)

    def wait_for_task(self, task_id: str, timeout: float | timedelta | None = None) -> Answer:
        """The future of the task once it is done, of None if there is none. TimeoutError: not in so many seconds."""
        return self._desk.wait_for_task(task_id, timeout)

    def task_of(self, record: JobRecord) -> Task:
        """The task that a job of the engine is."""
        known = self.app.tasks.get(record.task)
        kwargs: dict[str, Any] = {}
        if known is not None:
            args, kwargs = known.signature.load(record.args)
            kwargs = {**dict(zip(known.signature.names, args, strict=False)), **kwargs}
        result = self.app.jobs.decode_result(record) if record.state == "succeeded" else None
        return Task(record, kwargs, result)

    def job_list(self, jobnames: Iterable[str] | None = None) -> list[tuple[str, dict[str, Any]]]:
        """(name, what it is) of these jobs, or all; names of none are left out."""
        return self._listing().job_list(jobnames)

    def next_scheduled(self, jobnames: Iterable[str] | None = None) -> tuple[str | None, float | None]:
        """(name, seconds from now) of the periodic job that runs next, of these or all; (None, None): none does."""
        return self._listing().next_scheduled(jobnames)

    def _listing(self) -> Listing:
        return Listing(self.app, self.name, self.registry)

    # -- events ----------------------------------------------------------------------------------------------------

    def channel(self, name: str) -> str:
        """What an event of this backend is called among those of others."""
        return f"{self.name}_{name}"

    def bind_event(self, name: str, callback: Callback) -> None:
        """Call ``callback(task_id)`` at ``task_queued``, ``task_started``, ``task_done``, in whatever process it happens.

        In the event loop that runs here now, else in a thread of its own. ConfigError: no such event.
        """
        self._events.bind(name, callback)

    def unbind_event(self, name: str, callback: Callback) -> None:
        """Undo `bind_event`."""
        self._events.unbind(name, callback)

    # -- life ------------------------------------------------------------------------------------------------------

    def flush(self) -> int:
        """Revoke what is queued, and forget all tasks that are done; how many that were. What runs goes on."""
        jobs, removed, after = self.app.jobs, 0, None
        while found := jobs.find(Where(queue=self.name), 500, after):
            after = found[-1].id
            jobs.cancel_many([job.id for job in found if job.state in ("queued", "waiting")], "flushed")
            removed += len(jobs.delete([job.id for job in found]))
        return removed

    def close(self) -> None:
        """Let go of the store; a later use opens again."""
        self._events.close()
        self.app.close()
