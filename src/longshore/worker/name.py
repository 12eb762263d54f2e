"""What a worker is called. Its jobs are known by it, so no two that live may share one."""

from __future__ import annotations

import logging
import os
import socket

from longshore.ids import new_id
from longshore.stores.base import Store

_log = logging.getLogger("longshore.worker")


class Name:
    """Made of host, process and chance; or given by the user, and then held in the store while the worker lives."""

    def __init__(self, given: str | None) -> None:
        self._own = new_id()
        self._given = given is not None
        self.text = given or f"{socket.gethostname()}:{os.getpid()}:{self._own[-4:]}"

    def take(self, store: Store, seconds: float) -> None:
        """Before anything is claimed. Where another worker lives under this name, something is added to it."""
        if not self.keep(store, seconds):
            taken, self.text = self.text, f"{self.text}:{self._own[-4:]}"
            self._given = False
            _log.warning(
                "another worker called %r lives, or died less than %g s ago; this one is called %r",
                taken,
                seconds,
                self.text,
            )

    def keep(self, store: Store, seconds: float) -> bool:
        """Hold it for so long from now; whether it is ours alone."""
        return not self._given or store.hold(f"worker {self.text}", self._own, seconds)

    def drop(self, store: Store) -> None:
        """Let others have it at once."""
        if self._given:
            store.hold(f"worker {self.text}", self._own, 0.0)
