"""Finding tasks, and waiting for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from longshore import model
from longshore.app import App
from longshore.compat.pulsar.tasks.replies import Reply, reply
from longshore.compat.pulsar.tasks.task import Task
from longshore.duration import optional_seconds
from longshore.errors import JobNotFound, ResultTimeout
from longshore.job import Job as Handle
from longshore.model import JobRecord

Answer = asyncio.Future[Any] | Reply[Any]


class Desk:
    """``task_of`` makes the task of a job of ``app``."""

    def __init__(self, app: App, task_of: Callable[[JobRecord], Task]) -> None:
        self._app = app
        self._task_of = task_of

    def get_task(self, task_id: str) -> Answer:
        """See `TaskBackend.get_task`."""

        def here() -> Task | None:
            found = self._look([task_id])
            return found[0] if found else None

        async def there() -> Task | None:
            return await asyncio.to_thread(here)

        return reply(here, there)

    def get_tasks(self, ids: Sequence[str]) -> Answer:
        """See `TaskBackend.get_tasks`."""

        async def there() -> list[Task]:
            return await asyncio.to_thread(self._look, ids)

        return reply(lambda: self._look(ids), there)

    def wait_for_task(self, task_id: str, timeout: float | timedelta | None) -> Answer:
        """See `TaskBackend.wait_for_task`."""
        limit = optional_seconds(timeout, "timeout")
        job: Handle[Any] = self._app.job(task_id)

        def here() -> Task | None:
            try:
                patience = self._patience(job.refresh().record, limit)
                try:
                    job.wait(patience)
                except ResultTimeout:
                    if patience == limit:
                        raise
                    self._app.jobs.expire_many([task_id])
                    job.wait(_rest(limit, patience))
            except JobNotFound:
                return None
            return self._task_of(job.record)

        async def there() -> Task | None:
            try:
                patience = self._patience((await job.arefresh()).record, limit)
                try:
                    await job.await_end(patience)
                except ResultTimeout:
                    if patience == limit:
                        raise
                    await asyncio.to_thread(self._app.jobs.expire_many, [task_id])
                    await job.await_end(_rest(limit, patience))
            except JobNotFound:
                return None
            return self._task_of(job.record)

        return reply(here, there)

    def _patience(self, job: JobRecord, limit: float | None) -> float | None:
        """How long to wait before something must be done: a task expires although no worker is free to say so."""
        if job.expires_at is None or job.state != "queued":
            return limit
        left = max(0.0, job.expires_at - self._app.store.now())
        return left if limit is None else min(left, limit)

    def _look(self, ids: Sequence[str]) -> list[Task]:
        found = self._app.store.get(ids)
        now = self._app.store.now()
        if past := [job.id for job in found.values() if model.expire(job, now)]:
            self._app.jobs.expire_many(past)
            found = self._app.store.get(ids)
        return [self._task_of(found[task_id]) for task_id in ids if task_id in found]


def _rest(limit: float | None, spent: float | None) -> float | None:
    return None if limit is None else limit - (spent or 0.0)
