"""The server's time, told here without asking it each time."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

#: seconds after which an estimate is given up for a newer one, even a lower one: clocks drift
_FRESH: Final = 30.0


class ServerClock:
    """Our steady clock plus how far the server's is ahead of it.

    An answer takes its time to arrive, so each gives a bound from below, and the highest is the best. So this clock is
    never ahead of the server's: a job that is due now by this clock is due by the server's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead: float | None = None
        self._learned = 0.0

    def learn(self, server: float) -> None:
        """The server said this time, and its answer has just arrived."""
        here = monotonic()
        ahead = server - here
        with self._lock:
            if self._ahead is None or ahead > self._ahead or here - self._learned > _FRESH:
                self._ahead, self._learned = ahead, here

    def now(self) -> float | None:
        """The time there; None: never heard of."""
        ahead = self._ahead
        return None if ahead is None else monotonic() + ahead
