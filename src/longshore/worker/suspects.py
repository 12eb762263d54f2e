"""Jobs that crashed before wait here to be begun one at a time.

When a process dies, every job leased to it is suspected. Their next runs are begun alone, and their beginning is written
down first (`model.begun`), so that only the job which really kills its process again collects the crashes that hold it.
"""

from __future__ import annotations

import time
from collections import deque

from longshore.worker.run import Run

#: the next one begins when the one before it ended, or lived this many seconds
ALONE = 2.0
#: Seconds in which all of a batch that crashed once are begun, so that long jobs need not wait for each other; no turn is
#: shorter than ``SHORTEST``. Who falls under suspicion twice is left alone for the whole time.
BATCH = 5.0
SHORTEST = 0.2


class Suspects:
    def __init__(self) -> None:
        self._waiting: deque[Run] = deque()
        self._alone: Run | None = None
        self._until = 0.0
        self._batch = 0

    def append(self, run: Run) -> None:
        self._waiting.append(run)
        self._batch = max(self._batch, len(self._waiting))

    def next(self) -> Run | None:
        """The one whose turn it is, if any."""
        while self._waiting and self._waiting[0].closed:
            self._waiting.popleft()
        if not self._waiting:
            self._batch = 0
            return None
        if self._left() > 0:
            return None
        run = self._alone = self._waiting.popleft()
        turn = ALONE if run.job.crashes > 1 else max(SHORTEST, min(ALONE, BATCH / self._batch))
        self._until = time.monotonic() + turn
        return run

    def patience(self) -> float:
        """Seconds until the next one's turn at the latest."""
        return self._left() if self._waiting else ALONE

    def _left(self) -> float:
        if self._alone is None or self._alone.closed:
            return 0.0
        return max(0.0, self._until - time.monotonic())

    def withdraw(self) -> list[Run]:
        runs = list(self._waiting)
        self._waiting.clear()
        self._batch = 0
        return runs
