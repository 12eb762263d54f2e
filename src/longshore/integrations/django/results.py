"""A job as Django's `TaskResult`."""

# Django 5.2, with which types are checked too, has no tasks.
# pyright: reportMissingImports=false, reportIncompatibleMethodOverride=false, reportArgumentType=false

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from django.conf import settings
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.base import TaskError
from django.utils import timezone
from django.utils.json import normalize_json

from longshore.codec import ResultCodec
from longshore.model import Failure, JobRecord, failures
from longshore.signature import Signature

#: Headers of a job: the alias of the backend, which call of a unique task made it, and what ``run_after`` was.
BACKEND: Final = "django.backend"
CALL: Final = "django.call"
RUN_AFTER: Final = "django.run_after"

_STATUS: Final = {
    "queued": TaskResultStatus.READY,
    "waiting": TaskResultStatus.READY,
    "running": TaskResultStatus.RUNNING,
    "succeeded": TaskResultStatus.SUCCESSFUL,
    "failed": TaskResultStatus.FAILED,
    "cancelled": TaskResultStatus.FAILED,
    "held": TaskResultStatus.FAILED,
}
#: Why a job ended that never failed by itself.
_ENDS: Final = {"cancelled": "longshore.errors.JobCancelled", "held": "longshore.errors.JobFailed"}
#: Of a run that died with its worker: it left no word.
UNKNOWN: Final = "unknown"


def _call(args: list[Any], kwargs: dict[str, Any]) -> None:
    """How the call of a task of Django's is stored."""


_CALL: Final = Signature(_call, "call")


def plain(value: Any) -> Any:
    """What JSON makes of it: no subclasses of text or numbers. TypeError: it has no such form."""
    return json.loads(json.dumps(normalize_json(value)))


def headers_of(record: JobRecord) -> dict[str, str]:
    """What was passed along with a job."""
    return {} if record.headers is None else msgspec.msgpack.decode(record.headers, type=dict[str, str])


def result_of(record: JobRecord, task: Any, alias: str) -> TaskResult:
    """All that the store knows of a job, in Django's words."""
    args, kwargs = _CALL.load(record.args)[0]
    failed = failures(record.errors)
    result = TaskResult(
        task=task,
        id=record.id,
        status=_STATUS[record.state],
        enqueued_at=_time(record.created_at),
        started_at=_time(failed[0].began if failed and failed[0].began else record.started_at),
        finished_at=_time(record.finished_at),
        last_attempted_at=_time(record.started_at),
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=_errors(record, failed),
        worker_ids=_workers(record, failed),
    )
    if record.state == "succeeded" and record.result is not None:
        object.__setattr__(result, "_return_value", ResultCodec().decode(record.result))
    return result


def _errors(record: JobRecord, failed: Any) -> list[TaskError]:
    errors = [error_of(failure) for failure in failed]
    if record.state in _ENDS:
        errors.append(TaskError(exception_class_path=_ENDS[record.state], traceback=record.reason or ""))
    return errors


def error_of(failure: Failure) -> TaskError:
    """A failed run in Django's words."""
    path = failure.kind if "." in failure.kind else f"builtins.{failure.kind}"
    return TaskError(exception_class_path=path, traceback=failure.traceback)


def _workers(record: JobRecord, failed: Any) -> list[str]:
    """Who ran it, oldest first, one for each run."""
    known = [failure.worker or UNKNOWN for failure in failed]
    lost = record.failures - len(known) + record.crashes
    now = record.state in ("running", "succeeded") or (
        record.state == "cancelled" and record.started_at is not None and not record.failures
    )
    return [UNKNOWN] * max(lost, 0) + known + ([record.worker or UNKNOWN] if now else [])


def _time(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    aware = datetime.fromtimestamp(seconds, UTC)
    return aware if settings.USE_TZ else timezone.make_naive(aware)
