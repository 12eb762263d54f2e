"""The server's time, known here without asking for it each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: seconds for which the difference between two clocks is taken to stay what it was
_TRUSTED: Final = 30.0


class ServerTime:
    """Every answer of a script brings the server's time; in between, this machine's clock counts on from there."""

    def __init__(self, ask: Callable[[], float]) -> None:
        self._ask = ask
        self._ahead: float | None = None
        self._learned = 0.0

    def learn(self, server: float) -> None:
        """The server said so just now."""
        here = time.monotonic()
        self._ahead, self._learned = server - here, here

    def __call__(self) -> float:
        """The server's time as near as it can be told; asks where it is long since it was heard."""
        here = time.monotonic()
        if self._ahead is None or here - self._learned > _TRUSTED:
            self.learn(self._ask())
            here = time.monotonic()
        assert self._ahead is not None
        return here + self._ahead

    def guess(self) -> float | None:
        """The server's time by what was heard last, however long ago; None where nothing was."""
        return None if self._ahead is None else time.monotonic() + self._ahead
