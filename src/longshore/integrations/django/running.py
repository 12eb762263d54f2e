"""A task of Django's as one that workers run."""

# Django 5.2, with which types are checked too, has no tasks.
# pyright: reportMissingImports=false, reportIncompatibleMethodOverride=false, reportArgumentType=false

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, NamedTuple

import msgspec
from django.tasks import TaskContext, TaskResult, TaskResultStatus, task_backends
from django.tasks.signals import task_enqueued, task_finished, task_started
from django.utils import timezone

from longshore.context import Context
from longshore.dice import chance
from longshore.errors import Discard, Snooze
from longshore.integrations.django.project import ProjectApp
from longshore.integrations.django.results import BACKEND, headers_of, plain, result_of
from longshore.model import JobRecord, with_failure
from longshore.retry import Retry
from longshore.task import Task
from longshore.worker.execute import describe


class Ours(NamedTuple):
    """Django's task and the app's."""

    task: Any
    engine: Task[..., Any]


def engine_task(app: ProjectApp, task: Any, given: Mapping[str, Any]) -> Ours:
    """The app's task for one of Django's. TaskError: an option cannot work."""
    options = dict(given)
    unique = options.get("unique")
    if callable(unique):
        options["unique"] = lambda args, kwargs: unique(*args, **kwargs)
    app.forget(task.module_path)
    body = _coroutine if iscoroutinefunction(task.func) else _function
    made: Task[..., Any] = app.task(name=task.module_path, **options)(
        body(task, Retry.of(options.get("retry")))
    )
    return Ours(task, made)


def _function(task: Any, retry: Retry | None) -> Callable[..., Any]:
    def run(context: Context, args: list[Any], kwargs: dict[str, Any]) -> Any:
        run = _Run(task, context, retry)
        if run.at_once:
            task_enqueued.send(run.sender, task_result=run.asked())
        task_started.send(run.sender, task_result=run.result)
        try:
            value = plain(task.func(*run.first, *args, **kwargs))
        except BaseException as error:
            if run.failed(error):
                # In here, so that Django's log has the traceback.
                task_finished.send(run.sender, task_result=run.result)
            raise
        if run.ended(value):
            task_finished.send(run.sender, task_result=run.result)
        return value

    return run


def _coroutine(task: Any, retry: Retry | None) -> Callable[..., Any]:
    async def run(context: Context, args: list[Any], kwargs: dict[str, Any]) -> Any:
        run = _Run(task, context, retry)
        if run.at_once:
            await task_enqueued.asend(run.sender, task_result=run.asked())
        await task_started.asend(run.sender, task_result=run.result)
        try:
            value = plain(await task.func(*run.first, *args, **kwargs))
        except BaseException as error:
            if run.failed(error):
                await task_finished.asend(run.sender, task_result=run.result)
            raise
        if run.ended(value):
            await task_finished.asend(run.sender, task_result=run.result)
        return value

    return run


class _Run:
    """One run, as Django's signals and a task that takes its context see it."""

    def __init__(self, task: Any, context: Context, retry: Retry | None) -> None:
        self._context = context
        self._retry = retry
        alias = headers_of(context.record).get(BACKEND) or task.backend
        backend = task_backends[alias]
        self.sender = type(backend)
        #: nobody has told yet that it was enqueued
        self.at_once = backend.eager and context.attempt == 1
        self.result: TaskResult = result_of(context.record, task, alias)
        self.first = (TaskContext(task_result=self.result),) if task.takes_context else ()

    def asked(self) -> TaskResult:
        """As it was before it began."""
        return replace(
            self.result, status=TaskResultStatus.READY, started_at=None, last_attempted_at=None, worker_ids=[]
        )

    def ended(self, value: Any) -> bool:
        """Whether it is finished by what it returned: not where it was interrupted, unless that was the end of it."""
        if self._context.cancelled:
            return self._context.timed_out and self.failed(TimeoutError())
        self._set(status=TaskResultStatus.SUCCESSFUL, _return_value=value)
        return True

    def failed(self, error: BaseException) -> bool:
        """Whether it is finished by that: not where it runs again, or was interrupted."""
        if self._context.timed_out:
            error = TimeoutError(f"{self.result.task.name} ran longer than its timeout")
        elif self._context.cancelled or isinstance(error, (Snooze, asyncio.CancelledError)):
            return False
        job: JobRecord = self._context.record
        now = time.time()
        retry = None if isinstance(error, Discard) else self._retry
        if retry and retry.decide(error, job.failures, now - job.created_at, chance()) is not None:
            return False
        failures = with_failure(job.errors, describe(error, job, now))
        after = msgspec.structs.replace(job, state="failed", errors=failures, failures=job.failures + 1)
        ended = result_of(after, self.result.task, self.result.backend)
        self._set(status=ended.status, errors=ended.errors)
        return True

    def _set(self, **values: Any) -> None:
        for name, value in {**values, "finished_at": timezone.now()}.items():
            object.__setattr__(self.result, name, value)
