"""Says when the caller's own transaction has ended, so that a worker hears of its jobs at once.

No driver tells us of a commit, and a NOTIFY inside the caller's transaction would make all commits of the server queue up
behind one lock. But every driver knows, without asking the server, whether its connection is in a transaction: a thread
looks at that, after a millisecond, and then ever more rarely the longer the transaction lasts. It may have been rolled back,
or our process may die first: a hint is only a hint, workers look by themselves each second.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from longshore.callers.base import Caller
from longshore.errors import StoreError

#: seconds between two looks, and how much of a transaction's age that may be
SHORTEST: Final = 0.001
LONGEST: Final = 0.05
SHARE: Final = 0.1
#: seconds after which a transaction is given up; by then workers have looked many times
PATIENCE: Final = 600.0
#: Seconds after which it is told again. SQLite calls a transaction ended when its commit begins to be written.
ONCE_MORE: Final = {"postgresql": (), "sqlite": (0.02, 0.2)}

logger = logging.getLogger("longshore.stores")


class _Open(NamedTuple):
    """A transaction that has not ended as far as we saw."""

    ended: Callable[[], bool]
    topics: frozenset[str]
    since: float
    again: tuple[float, ...]


class Watch:
    """``publish`` is told the topics of the transactions that have ended. Its thread is started by the first of them."""

    def __init__(self, publish: Callable[[set[str]], object]) -> None:
        self._publish = publish
        self._fresh()

    def _fresh(self) -> None:
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._open: list[_Open] = []
        self._thread: threading.Thread | None = None

    def add(self, caller: Caller, topics: Iterable[str]) -> None:
        """Publish these topics when the caller's transaction has ended."""
        one = _Open(caller.ending(), frozenset(topics), time.monotonic(), ONCE_MORE.get(caller.dialect, ()))
        if self._owner != os.getpid():  # a forked child; the thread is the parent's
            self._fresh()
        with self._changed:
            self._open.append(one)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="longshore-commits", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Look a last time and end the thread. Idempotent."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread() and self._owner == os.getpid():
            thread.join()

    def _run(self) -> None:
        mine = threading.current_thread()
        while True:
            with self._changed:
                while not self._open and self._thread is mine:
                    self._changed.wait()
                if self._thread is mine:
                    self._changed.wait(self._pause())
                last = self._thread is not mine
                seen, self._open = self._open, []
            left = self._look(seen)
            if last:
                return
            with self._changed:
                self._open[:0] = left

    def _pause(self) -> float:
        age = time.monotonic() - self._open[-1].since
        return min(LONGEST, max(SHORTEST, age * SHARE))

    def _look(self, seen: list[_Open]) -> list[_Open]:
        """Tell of those that have ended; the others."""
        left: list[_Open] = []
        topics: set[str] = set()
        for one in seen:
            if one.ended():
                topics |= one.topics
                if one.again:
                    left.append(_later(one))
            elif time.monotonic() - one.since < PATIENCE:
                left.append(one)
        if topics:
            try:
                self._publish(topics)
            except StoreError as error:
                logger.debug("hints were not sent: %s", error)
        return left


def _later(one: _Open) -> _Open:
    now = time.monotonic()
    due = now + one.again[0]
    return _Open(lambda: time.monotonic() >= due, one.topics, now, one.again[1:])
