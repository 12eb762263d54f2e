"""A place for one supervised worker: of all Django processes, the one that holds it runs the worker."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

from longshore.dice import between
from longshore.errors import LongshoreError, StoreError
from longshore.ids import new_id
from longshore.stores.base import Store
from longshore.worker.supervisor import Supervisor

log: Final = logging.getLogger("longshore.django")


class Slot(threading.Thread):
    """Contends for place ``number`` until told to leave; while it has it, a worker runs under ``supervisor(store, number)``.

    ``store`` makes a store, not connected yet: between two looks, who does not have the place keeps no connection.
    ``pause``: seconds before the first look.
    """

    def __init__(
        self,
        number: int,
        lease: float,
        store: Callable[[], Store],
        supervisor: Callable[[Store, int], Supervisor],
        pause: float = 0.0,
    ) -> None:
        super().__init__(name=f"longshore-django-worker-{number}", daemon=True)
        self._number = number
        self._lease = lease
        self._store = store
        self._supervisor = supervisor
        self._pause = pause
        self._key = f"django-worker:{number}"
        self._leaving = threading.Event()
        self._running: Supervisor | None = None
        self._untold = threading.Lock()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{new_id()[-6:]}"
        #: monotonic time until which the place is surely ours
        self._until = 0.0
        self._said = ""

    def leave(self) -> None:
        """Drain the worker, if it is here, and contend no more. Returns at once; the worker's end is that of the thread."""
        self._leaving.set()
        self._stop()

    def run(self) -> None:
        while not self._leaving.wait(self._pause):
            # Who has let go of the place is not the first to ask for it again.
            self._pause = self._lease / 3 * between(0.8, 1.0)
            try:
                with closing(self._store()) as store:
                    if self._take(store):
                        self._have(store)
                    else:
                        log.debug("worker %d is looked after by another process", self._number)
                self._said = ""
            except (LongshoreError, OSError) as error:
                self._say(f"worker {self._number} cannot be looked after: {error}")
            except Exception:
                log.exception("worker %d cannot be looked after", self._number)

    def _say(self, text: str) -> None:
        """Once, not at every look."""
        if text != self._said:
            log.warning("%s; it is tried again", text)
        self._said = text

    def _take(self, store: Store) -> bool:
        """Whether the place is ours for a lease from now."""
        asked = time.monotonic()
        held = store.hold(self._key, self._owner, self._lease)
        self._until = asked + self._lease if held else 0.0
        return held

    def _have(self, store: Store) -> None:
        """Until the worker has ended, because we are to leave or the place is no longer surely ours."""
        supervisor = self._supervisor(store, self._number)
        self._untold = threading.Lock()
        self._running = supervisor

        def look() -> None:
            if self._leaving.is_set():
                self._stop()
            elif time.monotonic() > self._until and self._stop():
                log.warning("worker %d is stopped: its place could not be kept for it", self._number)

        ended = threading.Event()
        keeper = threading.Thread(
            target=self._keep, args=(store, ended), name=f"{self.name}-keeper", daemon=True
        )
        keeper.start()
        try:
            supervisor.supervise(look, min(1.0, self._lease / 6))
        finally:
            self._running = None
            ended.set()
            keeper.join()
            with suppress(StoreError):  # it lapses
                store.hold(self._key, self._owner, 0.0)

    def _keep(self, store: Store, ended: threading.Event) -> None:
        """Go on asking for the place, until it is lost or given up."""
        pause = self._lease / 3
        while not ended.wait(pause) and time.monotonic() < self._until:
            pause = self._lease / 3
            try:
                self._take(store)
            except StoreError as error:
                log.debug("the place of worker %d: %s", self._number, error)
                pause = self._lease / 15

    def _stop(self) -> bool:
        """Tell the worker to drain; False: it was told before, or is not here. (Told twice, it would give its jobs back.)"""
        supervisor = self._running
        if supervisor is None or not self._untold.acquire(blocking=False):
            return False
        supervisor.stop()
        return True
