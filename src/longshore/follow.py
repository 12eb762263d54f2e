"""What happens to the jobs of a queue, in any process, told as it happens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Literal

from longshore.errors import StoreError
from longshore.model import FINAL, JobRecord, Where
from longshore.stores.base import Store

Event = Literal["queued", "started", "ended"]

#: seconds between looks at the store; hints make it quicker
LOOK: Final = 0.5
_PAGE: Final = 200
#: so many jobs are remembered, so that none is told twice
_KEPT: Final = 20_000
_log = logging.getLogger("longshore.follow")


class Follower:
    """Tells ``tell(event, job)`` once of every job of ``queue`` that is stored from now on: queued, started, ended.

    In that order, in a thread of its own. It looks at the store, at hints and twice a second: a job that was retried, or
    removed between two looks, may be told of less often than it happened. ``store`` gives the store, opened.
    """

    def __init__(
        self, store: Callable[[], Store], queue: str, tell: Callable[[Event, JobRecord], object]
    ) -> None:
        self._store = store
        self._queue = queue
        self._tell = tell
        self._wake = threading.Event()
        self._stopped = False
        self._since = store().now()
        #: those told of → whether they had started, of those that have not ended
        self._known: dict[str, None] = {}
        self._open: dict[str, bool] = {}
        self._thread = threading.Thread(target=self._run, name="longshore-follower", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Tell no more. Idempotent."""
        self._stopped = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        new = self._store().subscribe([f"queue:{self._queue}"], self._wake.set)
        try:
            while not self._stopped:
                self._wake.clear()
                try:
                    self._look()
                except StoreError as error:
                    _log.debug("follower: %s", error)
                self._wait()
        finally:
            new.close()

    def _wait(self) -> None:
        ends = self._store().subscribe([f"job:{job}" for job in list(self._open)[:_PAGE]], self._wake.set)
        self._wake.wait(LOOK)
        ends.close()

    def _look(self) -> None:
        for job in self._new():
            self._known[job.id] = None
            self._open[job.id] = False
            self._say("queued", job)
        for start in range(0, len(waiting := list(self._open)), _PAGE):
            part = waiting[start : start + _PAGE]
            found = self._store().get(part)
            for job_id in part:
                self._follow(job_id, found.get(job_id))
        while len(self._known) > _KEPT:
            self._known.pop(next(iter(self._known)))

    def _new(self) -> list[JobRecord]:
        """Oldest first."""
        found: list[JobRecord] = []
        after = None
        while True:
            page = self._store().find(Where(queue=self._queue), _PAGE, after)
            fresh = [job for job in page if job.id not in self._known and job.created_at >= self._since]
            found += fresh
            if len(page) < _PAGE or not fresh:
                return found[::-1]
            after = page[-1].id

    def _follow(self, job_id: str, job: JobRecord | None) -> None:
        if job is None:
            del self._open[job_id]
            return
        if job.attempt and job.started_at is not None and not self._open[job_id]:
            self._open[job_id] = True
            self._say("started", job)
        if job.state in FINAL or job.state == "held":
            del self._open[job_id]
            self._say("ended", job)

    def _say(self, event: Event, job: JobRecord) -> None:
        try:
            self._tell(event, job)
        except Exception:
            _log.exception("follower: telling that job %s is %s", job.id, event)
