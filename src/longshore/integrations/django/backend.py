"""``TASKS = {"default": {"BACKEND": "longshore.integrations.django.Backend"}}``: what Django's ``@task`` makes."""

# Django 5.2, with which types are checked too, has no tasks.
# pyright: reportMissingImports=false, reportIncompatibleMethodOverride=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.tasks import TaskResult
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import Task
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils import timezone

from longshore.errors import LongshoreError
from longshore.ids import new_id
from longshore.integrations.django.discovery import discover
from longshore.integrations.django.project import ProjectApp, project_app
from longshore.integrations.django.results import BACKEND, CALL, RUN_AFTER, headers_of, plain, result_of
from longshore.integrations.django.running import Ours, engine_task
from longshore.suggest import did_you_mean
from longshore.task.options import NO_OVERRIDES, Options, options, overrides

#: What may be said of a task besides what Django knows: in the decorator from Django 6.1 on, in OPTIONS on 6.0 too.
OPTIONS: Final = ("retry", "timeout", "expires", "unique", "unique_mode", "keep")
_OF_BACKEND: Final = ("eager", "tasks", "retry", "timeout", "expires", "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class LongshoreTask(Task):
    """Django's Task with the options of `longshore.App.task` that Django has no word for; None: nothing is said.

    ``run_after`` may be a timedelta: so long after the enqueue.
    """

    retry: Any = None
    timeout: Any = None
    expires: Any = None
    unique: Any = None
    unique_mode: Any = None
    keep: Any = None

    def options(self) -> dict[str, Any]:
        """Those that are given."""
        return {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}


class Backend(BaseTaskBackend):
    """Tasks of Django's are jobs of the project's app.

    OPTIONS: ``eager`` runs them at once, in memory; ``retry, timeout, expires, keep`` for every task; ``tasks`` for some:
    ``{"shop.tasks.send": {"retry": 3, "unique": True}}``.
    """

    task_class = LongshoreTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        self.eager = bool(self.options.get("eager", False))
        self._known: dict[str, Ours] = KNOWN

    @property
    def app(self) -> ProjectApp:
        """Where the jobs go."""
        return project_app().eager_twin if self.eager else project_app()

    # -- tasks -----------------------------------------------------------------------------------------------------

    def validate_task(self, task: Any) -> None:
        """As Django's, and our own options. InvalidTask."""
        checked = task
        if isinstance(task.run_after, timedelta):
            checked = SimpleNamespace(**{one.name: getattr(task, one.name) for one in fields(task)})
            checked.run_after = None
        super().validate_task(checked)
        if task.module_path not in self._known or self._known[task.module_path].task.func is not task.func:
            self._known[task.module_path] = self._made(task)

    def _made(self, task: Any) -> Ours:
        given = {name: value for name, value in self.options.items() if name in OPTIONS}
        given |= self.options.get("tasks", {}).get(task.module_path, {})
        given |= task.options() if isinstance(task, LongshoreTask) else {}
        try:
            return engine_task(project_app(), task, given)
        except LongshoreError as error:
            raise InvalidTask(str(error)) from None

    # -- enqueueing ------------------------------------------------------------------------------------------------

    def enqueue(self, task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult:
        """Store a job. Inside ``atomic()`` it is part of that transaction; see `ProjectApp`."""
        self.validate_task(task)
        run_after = _resolved(task.run_after)
        headers = {BACKEND: self.alias}
        changes: dict[str, Any] = {
            "queue": task.queue_name,
            "priority": int(task.priority),
            "headers": headers,
        }
        if run_after is not None:
            aware = run_after if timezone.is_aware(run_after) else timezone.make_aware(run_after)
            if isinstance(task.run_after, timedelta):
                changes["delay"] = max(task.run_after, timedelta())
            else:
                changes["eta"] = aware
            headers[RUN_AFTER] = aware.isoformat()
        engine = self._known[task.module_path].engine
        if engine.options.unique is not None:
            headers[CALL] = new_id()
        given = (plain(list(args)), plain(dict(kwargs)))
        app = self.app
        [job] = app.enqueue((engine.request_with(overrides(changes, NO_OVERRIDES), given, {}),))
        result = result_of(job.record, replace(task, run_after=run_after), self.alias)
        # Eagerly, that was told before the task ran; of the holder of a unique key, when that was enqueued.
        if not self.eager and headers_of(job.record).get(CALL) == headers.get(CALL):
            task_enqueued.send(type(self), task_result=result)
        return result

    # -- results ---------------------------------------------------------------------------------------------------

    def get_result(self, result_id: str) -> TaskResult:
        """What became of it. TaskResultDoesNotExist: nothing is known of it here."""
        record = self.app.store.get([str(result_id)]).get(str(result_id))
        headers = {} if record is None else headers_of(record)
        if record is None or headers.get(BACKEND) != self.alias:
            raise TaskResultDoesNotExist(result_id)
        if record.task not in self._known:
            discover()
        if record.task not in self._known:
            raise TaskResultDoesNotExist(
                f"{result_id} is of {record.task}, which no module imported here defines"
            )
        return result_of(record, self._as_asked(record, headers), self.alias)

    def _as_asked(self, record: Any, headers: Mapping[str, str]) -> Any:
        """The task with what was said at that enqueue."""
        task = self._known[record.task].task
        after = headers.get(RUN_AFTER)
        try:
            return replace(
                task,
                priority=record.priority,
                queue_name=record.queue,
                run_after=None if after is None else _shown(datetime.fromisoformat(after)),
                backend=self.alias,
            )
        except InvalidTask:  # the queue is none of today's
            return task

    async def aget_result(self, result_id: str) -> TaskResult:
        """As `get_result`."""
        return await sync_to_async(self.get_result, thread_sensitive=True)(result_id)

    # -- checks ----------------------------------------------------------------------------------------------------

    def check(self, **_: Any) -> list[CheckMessage]:
        """Messages ``longshore.E01N`` for what is wrong in OPTIONS."""
        found: list[CheckMessage] = []
        where = f"TASKS[{self.alias!r}]['OPTIONS']"
        for name in self.options:
            if name not in _OF_BACKEND:
                found.append(_unknown(where, name, _OF_BACKEND))
        if not isinstance(self.options.get("eager", False), bool):
            found.append(Error(f"{where}['eager'] is neither True nor False.", id="longshore.E011"))
        common = {name: value for name, value in self.options.items() if name in OPTIONS}
        of_some = self.options.get("tasks", {})
        if not isinstance(of_some, Mapping) or not all(isinstance(one, Mapping) for one in of_some.values()):
            hint = 'Write {"shop.tasks.send": {"retry": 3}}.'
            return [*found, Error(f"{where}['tasks'] is no dict of dicts.", hint=hint, id="longshore.E011")]
        for path, given in [("", common), *of_some.items()]:
            found += _wrong(f"{where}['tasks'][{path!r}]" if path else where, given)
        return found


#: module path -> the task, in every backend of the process: jobs are found by that name.
KNOWN: Final[dict[str, Ours]] = {}


def _unknown(where: str, name: str, known: Sequence[str]) -> Error:
    text = f"{where} has no option {name!r}{did_you_mean(name, known)}"
    return Error(text, hint=f"Known: {', '.join(known)}.", id="longshore.E010")


def _wrong(where: str, given: Mapping[str, Any]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, value in given.items():
        if name not in OPTIONS:
            found.append(_unknown(where, name, OPTIONS))
            continue
        try:
            options({name: value}, Options())
        except LongshoreError as error:
            found.append(
                Error(f"{where}[{name!r}] = {value!r:.80} cannot work.", hint=str(error), id="longshore.E011")
            )
    return found


def _resolved(run_after: datetime | timedelta | None) -> datetime | None:
    return timezone.now() + run_after if isinstance(run_after, timedelta) else run_after


def _shown(aware: datetime) -> datetime:
    return aware if settings.USE_TZ else timezone.make_naive(aware)
