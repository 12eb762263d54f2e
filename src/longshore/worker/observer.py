"""Who wants to know what a worker does."""

from __future__ import annotations

from collections.abc import Sequence

from longshore.model import Change, JobRecord
from longshore.outcome import Outcome
from longshore.worker.run import Run


class Observer:
    """Told by the worker's threads as things happen; override what you need. Must be quick and must not raise."""

    def begun(self, runs: Sequence[Run]) -> None:
        """These were handed to an executor."""

    def ended(self, job: JobRecord, outcome: Outcome, change: Change, seconds: float, accepted: bool) -> None:
        """A job was settled after running for ``seconds``; not ``accepted``: its lease was lost, its outcome refused."""

    def stalled(self, why: str | None) -> None:
        """The store went away, or (None) came back."""

    def blocked(self, seconds: float, task: str | None, where: str) -> None:
        """The event loop stood still for so long, most likely in this task at this place."""

    def overdue(self, run: Run) -> None:
        """A thread outlived its time-out, and cannot be stopped."""

    def lost(self, run: Run) -> None:
        """A lease was lost; the run is being stopped."""

    def rescued(self, jobs: Sequence[str]) -> None:
        """These jobs' leases had lapsed elsewhere; they were given back, or held."""

    def draining(self, running: int) -> None:
        """No more jobs are taken; so many still run."""
