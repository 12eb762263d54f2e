"""Tickers of several workers on one store, whose clock moves only when told. No thread, no waiting."""

from __future__ import annotations

from datetime import UTC, datetime

from longshore import App
from longshore.model import JobRecord, Where
from longshore.testing.clock import Clock
from longshore.worker.ticker import SETTLE, Ticker

#: a Saturday
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Stage:
    """An app with a clock of its own, at noon."""

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        self.clock = clock or Clock(NOON.timestamp())
        self.app = App(url, clock=self.clock)
        self.tickers: list[Ticker] = []

    def start(self, workers: int = 1) -> None:
        """So many workers start; their schedules have begun now, and are settled."""
        for _ in range(workers):
            self.app.schedules.register()
            app = self.app
            self.tickers.append(Ticker(app.store, app.schedules, app.tasks, lambda: None))
        self.look(SETTLE)

    def look(self, later: float = 0.0) -> None:
        """So many seconds later, every worker has a look."""
        self.clock.move(later)
        for ticker in self.tickers:
            ticker.step()

    def jobs(self, state: str | None = None) -> list[JobRecord]:
        """Oldest tick first."""
        found = self.app.store.find(Where(), 1000)[::-1]
        return [job for job in found if state in (None, job.state)]

    def times(self) -> list[float]:
        """The ticks that became jobs, in seconds after noon."""
        return [job.run_at - NOON.timestamp() for job in self.jobs()]

    def work(self) -> None:
        """Run every job that waits."""
        for job in self.jobs("queued"):
            self.app.run(job.id)
