"""Hints that leave together: one message instead of one for each job of a busy process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from longshore.errors import StoreError

logger = logging.getLogger("longshore.stores")


class Gathered:
    """Tells other processes: at once after a silence, else a little later from a thread, together with what gathered.

    ``send`` is called at most once in ``interval`` seconds; what it raises of StoreError is a hint lost.
    """

    def __init__(self, send: Callable[[list[str]], object], interval: float) -> None:
        self._send = send
        self._interval = interval
        self._changed = threading.Condition()
        self._pending: dict[str, None] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._next = 0.0

    def say(self, topics: Sequence[str]) -> None:
        """Soon."""
        with self._changed:
            if self._closed:
                return
            now = monotonic()
            if self._pending or now < self._next:
                first = not self._pending
                self._pending.update(dict.fromkeys(topics))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="longshore-say", daemon=True)
                    self._thread.start()
                if first:
                    self._changed.notify()
                return
            self._next = now + self._interval
        self._say(topics)

    def close(self) -> None:
        """Say what is left, then no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    def _say(self, topics: Sequence[str]) -> None:
        try:
            self._send(list(topics))
        except StoreError as error:
            logger.debug("hints were not sent: %s", error)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                while (rest := self._next - monotonic()) > 0 and not self._closed:
                    self._changed.wait(rest)
                topics, self._pending = list(self._pending), {}
                if not topics:
                    return
                self._next = monotonic() + self._interval
            self._say(topics)
