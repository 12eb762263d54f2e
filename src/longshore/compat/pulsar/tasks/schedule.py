"""Periodic jobs as schedules of the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from longshore.app import App
from longshore.compat.pulsar.tasks.models import PeriodicJob
from longshore.compat.pulsar.tasks.overlap import asks, may_overlap
from longshore.duration import seconds
from longshore.errors import ConfigError
from longshore.periodic.entry import OverlapRule
from longshore.schedules import Schedule, every, paced
from longshore.task import Task

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def key_of(queue: str, name: str) -> str:
    """The name of a job's schedule."""
    return f"{queue}.{name}"


def declare(app: App, queue: str, job: PeriodicJob, task: Task[..., Any]) -> None:
    """Let the engine's workers tick for it."""
    overlap: OverlapRule = (lambda: may_overlap(job, {})) if asks(job) else "allow"
    app.periodic(rule_of(job), name=key_of(queue, job.name), overlap=overlap)(task)


def rule_of(job: PeriodicJob) -> Schedule:
    """When it runs."""
    period = timedelta(seconds=seconds(job.run_every, f'run_every of job "{job.name}"', positive=True))
    if type(job).is_due is not PeriodicJob.is_due:
        return paced(lambda last: _asked(job, last))
    if job.anchor is None:
        return every(period)
    if not isinstance(job.anchor, datetime):
        raise ConfigError(
            f'anchor of job "{job.name}" must be a datetime, not {job.anchor!r:.80}: write anchorDate(minute=25), say'
        )
    # Only the phase counts. Told from a fixed day, it is the same rule whichever day the program was started.
    phase = (job.anchor.astimezone(UTC) - _EPOCH) % period
    return every(period, anchor=_EPOCH + phase)


def _asked(job: PeriodicJob, last: datetime) -> float:
    """What a job that decides its interval itself says: seconds from now."""
    due, left = job.is_due(last.astimezone().replace(tzinfo=None))
    return 0.0 if due else left
