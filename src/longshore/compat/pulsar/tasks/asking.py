"""What the tasks of a job ask of the engine: its options as a task of ours, and a request for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from longshore.app import App
from longshore.compat.pulsar.tasks.models import Job, PeriodicJob
from longshore.compat.pulsar.tasks.overlap import asks, may_overlap
from longshore.compat.pulsar.tasks.schedule import key_of
from longshore.compat.pulsar.tasks.task import META, PARENT
from longshore.duration import optional_seconds
from longshore.errors import ConfigError
from longshore.retry import Retry
from longshore.task import Request, Task


class Asking:
    """For jobs whose tasks wait in ``queue`` of ``app``."""

    def __init__(self, app: App, queue: str) -> None:
        self._app = app
        self._queue = queue

    def define(self, job: Job, body: Callable[..., Any]) -> Task[..., Any]:
        """The task that runs ``body`` for a job. ConfigError, TaskError: an attribute of the job cannot work."""
        rule = None if asks(job) or may_overlap(job, {}) else self._lock(job)
        retry = Retry(job.max_retries, delay=job.retry_delay) if job.max_retries else None
        timeout = optional_seconds(job.timeout, f'timeout of job "{job.name}"') or None
        decorate = self._app.task(
            name=job.name, queue=self._queue, expires=timeout, unique=rule, unique_mode="reject", retry=retry
        )
        made: Task[..., Any] = decorate(body)
        return made

    def request(
        self,
        job: Job,
        kwargs: Mapping[str, Any],
        expiry: float | timedelta | None = None,
        meta_params: Mapping[str, Any] | None = None,
    ) -> Request:
        """For one task; see `TaskBackend.queue_task`."""
        changes: dict[str, Any] = {"headers": _headers(meta_params)} if meta_params else {}
        alone = asks(job) and not may_overlap(job, kwargs)
        if alone:
            changes["unique"] = self._lock(job)
        request: Request = self._app.tasks[job.name].using(**changes).request((), kwargs)
        if alone and isinstance(job, PeriodicJob):
            # The same key as its ticks have.
            request = replace(request, unique=f"schedule:{key_of(self._queue, job.name)}")
        if expiry is not None:
            left = expiry.total_seconds() if isinstance(expiry, timedelta) else expiry
            past = isinstance(left, (int, float)) and left < 0
            request = replace(request, expires=optional_seconds(0 if past else left, "expiry"))
        return request

    def _lock(self, job: Job) -> str | bool:
        """The unique key of its tasks; True: their arguments."""
        if job.lock_by not in ("job", "kwargs"):
            raise ConfigError(f'job "{job.name}": lock_by must be "job" or "kwargs", not {job.lock_by!r:.80}')
        return True if job.lock_by == "kwargs" else self._queue


def _headers(meta_params: Mapping[str, Any]) -> dict[str, str]:
    meta = dict(meta_params)
    parent = meta.pop("from_task", None)
    headers = {} if parent is None else {PARENT: str(parent)}
    if meta:
        try:
            headers[META] = json.dumps(meta)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"meta_params must be what JSON can hold: {error}") from None
    return headers
