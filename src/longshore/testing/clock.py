"""A clock that moves only when told."""

from __future__ import annotations

import threading


class Clock:
    """Give it to a store as ``clock=``; then `move` instead of sleeping. Safe from several threads."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def move(self, seconds: float) -> float:
        """Let so much time pass; the new time."""
        with self._lock:
            self._now += seconds
            return self._now

    def set(self, now: float) -> None:
        """Jump to a time, also backwards."""
        with self._lock:
            self._now = now
