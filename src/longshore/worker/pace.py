"""How far ahead of its free places a worker leases jobs: by how fast it has done them of late."""

from __future__ import annotations

import time
from typing import Final

#: jobs are leased ahead only as far as this many seconds of work at the present rate
AHEAD_SECONDS: Final = 0.05
AHEAD_MAX: Final = 1000
#: the stretch of time over which that rate is measured
STRETCH: Final = 0.05
#: Those ahead that would not begin within so many times `AHEAD_SECONDS`, and have not for so many seconds, others may
#: begin sooner.
TOO_FAR: Final = 10
PATIENCE: Final = 0.5


class Pace:
    def __init__(self) -> None:
        #: how many jobs to lease ahead
        self.ahead = 0
        self._done = 0
        self._since = self._fine_at = time.monotonic()

    def count(self, done: int) -> None:
        """So many jobs more were done. Judged by the last stretch of time, not by one lucky exchange."""
        self._done += done
        elapsed = time.monotonic() - self._since
        if elapsed >= STRETCH:
            self.ahead = min(AHEAD_MAX, int(self._done / elapsed * AHEAD_SECONDS))
            self._done = 0
            self._since = time.monotonic()

    def too_far(self, ahead: int) -> bool:
        """Whether so many are ahead of the places, and have been for a while, that they wait here for nothing: small jobs
        were followed by long ones. To be asked now and then; then none are to be leased ahead for now.
        """
        now = time.monotonic()
        elapsed = now - self._since
        pace = self.ahead if elapsed < PATIENCE else int(self._done / elapsed * AHEAD_SECONDS)
        if ahead <= pace * TOO_FAR:
            self._fine_at = now
        if now - self._fine_at < PATIENCE:
            return False
        self._fine_at = now
        self.ahead = 0
        return True
