"""Being told to stop: SIGTERM and SIGINT, heard in a thread of their own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """``with Signals(told):`` calls ``told(1)`` at the first, ``told(2)`` at the second, and so on. For the main thread.

    Python runs its handlers in the main thread alone, and only when that is awake. The kernel may give a signal to any other
    thread, and does when the main one has something pending (a SIGCONT, say): a main thread that waits for the worker's
    end would then sleep on. So we listen to the pipe that Python's own C handler writes to.
    """

    def __init__(self, told: Callable[[int], object]) -> None:
        self._told = told
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._heard, self._written = os.pipe()
        os.set_blocking(self._written, False)
        self._other = signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _noted) for number in SIGNALS}
        self._thread = threading.Thread(target=self._listen, name="longshore-signals", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._other)
        os.close(self._written)

    def _listen(self) -> None:
        count = 0
        try:
            while numbers := os.read(self._heard, 256):
                for number in numbers:
                    if number in SIGNALS:
                        count += 1
                        self._told(count)
        finally:
            os.close(self._heard)


def _noted(number: int, frame: FrameType | None) -> None:
    """The pipe has told everything."""
