"""Asks a Sentinel again and again who the primary is.

One that hands over in good order goes on taking jobs for some ten seconds, until Sentinel makes it a replica and its jobs
vanish: who is connected to it has to leave by himself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from redis import exceptions

from longshore.stores.redis.dialer import Line, master, reach
from longshore.stores.redis.location import Location

#: seconds between two looks
_EVERY: Final = 0.25
_TROUBLE: Final = (exceptions.RedisError, OSError)

logger = logging.getLogger("longshore.stores")


class Watch:
    """``place`` is where our connections go; ``leave`` is called when they should go elsewhere."""

    def __init__(
        self, where: Location, place: Callable[[], tuple[str, int] | None], leave: Callable[[], None]
    ) -> None:
        self._where, self._place, self._leave = where, place, leave
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, where there are Sentinels to ask. Idempotent."""
        if self._where.kind == "sentinel" and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="longshore-sentinel", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._where.timeout)

    def _run(self) -> None:
        # Whoever answered last comes first; one that does not answer, last.
        addresses = list(self._where.addresses)
        while not self._closed.is_set():
            try:
                line = reach(self._where, addresses[0], self._where.sentinel)
                try:
                    self._look(line)
                finally:
                    line.disconnect()
            except _TROUBLE as error:
                logger.debug("the Sentinel at %s:%d says nothing: %s", *addresses[0], error)
            addresses.append(addresses.pop(0))
            self._closed.wait(_EVERY)

    def _look(self, line: Line) -> None:
        while not self._closed.wait(_EVERY):
            found, known = master(line, self._where.master), self._place()
            if found is not None and known is not None and found != known:
                self._leave()
