"""What jobs there are, and when the periodic ones run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from longshore.app import App
from longshore.compat.pulsar.tasks.models import Job, JobRegistry, PeriodicJob
from longshore.compat.pulsar.tasks.overlap import asks, may_overlap
from longshore.compat.pulsar.tasks.schedule import key_of
from longshore.duration import seconds
from longshore.model import Where
from longshore.periodic import Planned
from longshore.ticks import moment

#: tasks kept of a job are counted up to so many
_MOST = 10_000


class Listing:
    """The jobs of a registry, whose tasks wait in ``queue`` of ``app``."""

    def __init__(self, app: App, queue: str, registry: JobRegistry) -> None:
        self._app = app
        self._queue = queue
        self._registry = registry

    def job_list(self, jobnames: Iterable[str] | None = None) -> list[tuple[str, dict[str, Any]]]:
        """See `TaskBackend.job_list`."""
        registry, planned = self._registry, self.entries()
        names = [name for name in self._names(jobnames) if name in registry]
        return [(name, self._described(registry[name], planned.get(name))) for name in names]

    def next_scheduled(self, jobnames: Iterable[str] | None = None) -> tuple[str | None, float | None]:
        """See `TaskBackend.next_scheduled`."""
        planned = self.entries()
        times = [
            (left, name)
            for name in self._names(jobnames)
            if name in planned and (left := self._left(planned[name])) is not None
        ]
        if not times:
            return None, None
        left, name = min(times)
        return name, left

    def entries(self) -> dict[str, Planned]:
        """See `TaskBackend.entries`."""
        keys = {name: key_of(self._queue, name) for name, _ in self._registry.periodic()}
        planned = self._app.schedules.list() if keys else {}
        return {name: planned[key] for name, key in keys.items() if key in planned}

    def _names(self, jobnames: Iterable[str] | None) -> Iterable[str]:
        if jobnames is None:
            return self._registry
        return [jobnames] if isinstance(jobnames, str) else jobnames

    def _described(self, job: Job, planned: Planned | None) -> dict[str, Any]:
        doc = vars(type(job)).get("__doc__") or job.__call__.__doc__
        told: dict[str, Any] = {
            "doc": None if doc is None else inspect.cleandoc(doc),
            "doc_syntax": job.doc_syntax,
            "type": job.type,
            "can_overlap": "maybe" if asks(job) else may_overlap(job, {}),
        }
        if planned is not None and isinstance(job, PeriodicJob):
            told["next_run"] = self._left(planned)
            told["run_every"] = seconds(job.run_every, "run_every")
            told["runs_count"] = len(self._app.store.find(Where(task=job.name, queue=self._queue), _MOST))
        return told

    def _left(self, planned: Planned) -> float | None:
        """Seconds until its next run; None: it is paused."""
        now = self._app.store.now()
        tick = planned.next(moment(now))
        return None if tick is None else tick.timestamp() - now
