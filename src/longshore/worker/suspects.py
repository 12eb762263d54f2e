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


class Suspects:
    def __init__(self) -> None:
        self._waiting: deque[Run] = deque()
        self._alone: Run | None = None
        self._since = 0.0

    def append(self, run: Run) -> None:
        self._waiting.append(run)

    def next(self) -> Run | None:
        """The one whose turn it is, if any."""
        while self._waiting and self._waiting[0].closed:
            self._waiting.popleft()
        if not self._waiting:
            return None
        alone = self._alone
        if alone is not None and not alone.closed and time.monotonic() - self._since < ALONE:
            return None
        self._alone = self._waiting.popleft()
        self._since = time.monotonic()
        return self._alone

    def patience(self) -> float:
        """Seconds until the next one's turn at the latest."""
        if not self._waiting:
            return ALONE
        if self._alone is None or self._alone.closed:
            return 0.0
        return max(0.0, self._since + ALONE - time.monotonic())

    def withdraw(self) -> list[Run]:
        runs = list(self._waiting)
        self._waiting.clear()
        return runs
