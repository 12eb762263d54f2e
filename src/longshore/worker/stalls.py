"""Whether a worker makes progress; if not, since when and why. Said in its log at once, and once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from longshore.worker.observer import Observer

_log = logging.getLogger("longshore.worker")

#: who noticed; the first two speak of the store
Source = Literal["feed", "keeper", "loop"]

_STORE: Final = "store"


class Stall(NamedTuple):
    """``since``: on this process's steady clock."""

    since: float
    why: str

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self.since


class Stalls:
    """What stands still, told by the worker's threads. ``changed`` is called when there is something new to tell others."""

    def __init__(self, observer: Observer, changed: Callable[[], object]) -> None:
        self._observer = observer
        self._changed = changed
        self._lock = threading.Lock()
        self._sources: dict[Source, str] = {}
        self._now: dict[str, Stall] = {}
        #: how many outcomes waited for the store at most
        self._kept = 0

    @property
    def current(self) -> Stall | None:
        """The longest of those that last."""
        return min(list(self._now.values()), default=None)

    def begin(self, source: Source, why: str, since: float | None = None) -> None:
        """It stands still. Repeated words of one source are not news."""
        kind = _kind(source)
        with self._lock:
            self._sources[source] = kind
            if kind in self._now:
                return
            self._now[kind] = Stall(time.monotonic() if since is None else since, why)
        _log.warning("stalled: %s", why)
        if kind == _STORE:
            self._observer.stalled(why)
        self._changed()

    def end(self, source: Source, kept: int = 0) -> None:
        """It goes on. ``kept``: outcomes that waited for the store meanwhile."""
        if source not in self._sources:
            return
        kind = _kind(source)
        with self._lock:
            self._sources.pop(source, None)
            self._kept = max(self._kept, kept)
            if kind in self._sources.values() or kind not in self._now:
                return
            stall, kept = self._now.pop(kind), self._kept
            if kind == _STORE:
                self._kept = 0
        if kind == _STORE:
            outcomes = "1 outcome was" if kept == 1 else f"{kept} outcomes were"
            _log.warning("going on: the store is back after %.1f s, %s kept", stall.seconds, outcomes)
            self._observer.stalled(None)
        else:
            _log.warning("going on: the event loop is free after %.1f s", stall.seconds)
        self._changed()


def _kind(source: Source) -> str:
    return "loop" if source == "loop" else _STORE
