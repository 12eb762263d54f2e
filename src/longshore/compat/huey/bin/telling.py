"""What a consumer's log says of each command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from longshore.compat.huey.commands import Commands
from longshore.compat.huey.message import headers_of
from longshore.model import Change, JobRecord
from longshore.outcome import Cancelled, Crashed, Failed, Held, Outcome
from longshore.worker.observer import Observer
from longshore.worker.run import Run

log: Final = logging.getLogger("huey.consumer.logger")


class Telling(Observer):
    """``settled``, if given, is told the id of every job that came to something."""

    def __init__(self, commands: Commands, settled: Callable[[str], None] | None = None) -> None:
        self._commands = commands
        self._settled = settled

    def begun(self, runs: Sequence[Run]) -> None:
        for run in runs:
            log.info("executing %s %s", run.job.task, _id(run.job))

    def ended(self, job: JobRecord, outcome: Outcome, change: Change, seconds: float, accepted: bool) -> None:
        if self._settled is not None:
            self._settled(job.id)
        if isinstance(outcome, Failed):
            log.error("unhandled exception in worker thread\n%s", outcome.failure.traceback.rstrip())
            task = self._commands.app.tasks.get(job.task)
            policy = task.options.retry if task is not None else None
            if outcome.retry_in is not None and policy is not None and policy.limit is not None:
                left = policy.limit - job.failures
                log.info("re-enqueueing task %s, %d tries left", _id(job), left)
        elif isinstance(outcome, Cancelled):
            log.info("task %s was not run: %s", _id(job), outcome.reason or "cancelled")
        elif isinstance(outcome, (Crashed, Held)):
            log.error("task %s: %s", _id(job), change.values.get("reason"))

    def stalled(self, why: str | None) -> None:
        if why is None:
            log.info("the queue's store is back")
        else:
            log.error("the queue's store is away: %s", why)

    def rescued(self, jobs: Sequence[str]) -> None:
        log.warning("%d commands of a consumer that died run again", len(jobs))

    def draining(self, running: int) -> None:
        log.info("stopping; %d commands still run", running)


def _id(job: JobRecord) -> str:
    return headers_of(job).get("huey.id", job.id)
