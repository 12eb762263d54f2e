"""The server's time, known here without asking for it each time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

from longshore.errors import StoreError

#: seconds for which the difference between two clocks is taken to stay what it was
_TRUSTED: Final = 30.0
#: seconds between two askings
_EVERY: Final = 5.0


class ServerTime:
    """Every answer of a script brings the server's time; in between, this machine's clock counts on from there."""

    def __init__(self, ask: Callable[[], float]) -> None:
        self._ask = ask
        self._ahead: float | None = None
        self._learned = 0.0
        self._asked = 0.0

    def learn(self, server: float) -> None:
        """The server said so just now."""
        here = time.monotonic()
        self._ahead, self._learned = server - here, here

    def __call__(self) -> float:
        """The server's time as near as it can be told; asks where nothing was heard yet, or long ago."""
        here = time.monotonic()
        ahead = self._ahead
        if ahead is None:
            return self._refresh()
        if here - self._learned > _TRUSTED and here - self._asked > _EVERY:
            # Aside: the server may be away, and an event loop that wants to know the time must not wait for that.
            self._asked = here
            threading.Thread(target=self._aside, name="longshore-time", daemon=True).start()
        return here + ahead

    def _refresh(self) -> float:
        now = self._ask()
        self.learn(now)
        return now

    def _aside(self) -> None:
        with contextlib.suppress(StoreError):
            self._refresh()
