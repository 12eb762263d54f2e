"""Says when the caller's own transaction has ended, so that a worker hears of its jobs at once.

No driver tells us of a commit, and a NOTIFY inside the caller's transaction would make all commits of the server queue up
behind one lock. But every driver knows, without asking the server, whether its connection is in a transaction: a thread
looks at that, after a millisecond, and then ever more rarely the longer the transaction lasts. It may have been rolled back,
or our process may die first: a hint is only a hint, workers look by themselves each second.
"""

from __future__ import annotations

import logging
import math
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
    topics: set[str]
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
        self._open: dict[int, _Open] = {}
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def add(self, caller: Caller, topics: Iterable[str]) -> None:
        """Publish these topics when the caller's transaction has ended."""
        if self._owner != os.getpid():  # a forked child; the thread is the parent's
            self._fresh()
        key, now = id(caller.handle), time.monotonic()
        with self._changed:
            known = self._open.get(key)
            if known is not None and not known.ended():
                known.topics.update(topics)
                return
            if known is not None:
                topics = known.topics.union(topics)
            again = ONCE_MORE.get(caller.dialect, ())
            self._open[key] = _Open(caller.ending(), set(topics), now, again)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="longshore-commits", daemon=True)
                self._thread.start()
            if self._next > now + 2 * SHORTEST:  # it sleeps for longer than this one can wait
                self._changed.notify()

    def close(self) -> None:
        """Look a last time and end the thread. Idempotent."""
        if self._owner != os.getpid():
            self._fresh()
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        mine = threading.current_thread()
        last = False
        while not last:
            with self._changed:
                while not self._open and self._thread is mine:
                    self._next = math.inf
                    self._changed.wait()
                if self._thread is mine:
                    pause = self._pause()
                    self._next = time.monotonic() + pause
                    self._changed.wait(pause)
                last = self._thread is not mine
                topics = self._ended()
            if topics:
                self._tell(topics)

    def _pause(self) -> float:
        """By the youngest."""
        age = time.monotonic() - max(one.since for one in self._open.values())
        return min(LONGEST, max(SHORTEST, age * SHARE))

    def _ended(self) -> set[str]:
        """The topics of those that have ended; these are forgotten, or told once more later."""
        topics: set[str] = set()
        for key, one in list(self._open.items()):
            if one.ended():
                topics |= one.topics
                del self._open[key]
                if one.again:
                    later = _later(one)
                    self._open[id(later)] = later
            elif time.monotonic() - one.since > PATIENCE:
                del self._open[key]
        return topics

    def _tell(self, topics: set[str]) -> None:
        try:
            self._publish(topics)
        except StoreError as error:
            logger.debug("hints were not sent: %s", error)


def _later(one: _Open) -> _Open:
    now = time.monotonic()
    due = now + one.again[0]
    return _Open(lambda: time.monotonic() >= due, one.topics, now, one.again[1:])
