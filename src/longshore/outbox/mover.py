"""Moves jobs from the outbox to the store. Every worker of the app does; there is no leader."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from longshore.dice import between
from longshore.errors import StoreError
from longshore.outbox.outbox import BATCH, Outbox

_log = logging.getLogger("longshore.outbox")

#: seconds between looks when no hint came; the truth behind the hints
POLL: Final = 1.0
#: the longest pause between tries while the store, or the outbox's database, is away
LONGEST: Final = 5.0
#: seconds a job may wait before it is said, and between two times it is said
LATE: Final = 5.0
AGAIN: Final = 30.0
#: seconds between looks for leftovers
CLEAR: Final = 60.0


class Mover:
    """``added`` is told after jobs were moved, and when the first look found nothing more to move."""

    def __init__(self, outbox: Outbox, added: Callable[[], object]) -> None:
        self._outbox = outbox
        self._added = added
        self._wake = threading.Event()
        self._ended = threading.Event()
        #: whether everything that waited at the start was moved, or could not be
        self.ready = False
        self._failures = 0
        self._said = -AGAIN
        self._clear_at = time.monotonic() + between(0.5, 1.0) * CLEAR

    # -- told by others, from any thread -------------------------------------------------------------------------

    def hint(self) -> None:
        """Something may wait."""
        self._wake.set()

    def stop(self) -> None:
        self._ended.set()
        self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until stopped."""
        while not self._ended.is_set():
            try:
                pause = self.step()
            except StoreError as error:
                self._failed(error)
                # Hints do not help here.
                self._ended.wait(min(LONGEST, 0.1 * 2.0 ** min(self._failures, 10)) * between(0.5, 1.0))
                continue
            if pause and self._wake.wait(pause):
                self._wake.clear()

    def step(self) -> float:
        """One round; seconds until the next."""
        moved = self._outbox.move_some()
        if self._failures:
            _log.info("the outbox is being moved again")
            self._failures = 0
        if moved:
            self._added()
        if moved == BATCH:
            self._tell("more comes in than is moved; start more workers")
            return 0.0
        if time.monotonic() >= self._clear_at:
            self._clear_at = time.monotonic() + CLEAR
            self._outbox.clear()
        self._now_ready()
        return POLL * between(0.8, 1.0)

    def _failed(self, error: StoreError) -> None:
        self._failures += 1
        self._now_ready()
        self._tell(str(error).partition("\n")[0])

    def _now_ready(self) -> None:
        if not self.ready:
            self.ready = True
            self._added()

    def _tell(self, why: str) -> None:
        """Say how much waits, if it has for long, and now and then again."""
        if time.monotonic() - self._said < AGAIN:
            return
        try:
            waiting = self._outbox.backlog()
        except StoreError as error:
            self._said = time.monotonic()
            _log.warning("the outbox cannot be read: %s", error)
            return
        if waiting.oldest >= LATE:
            self._said = time.monotonic()
            _log.warning(
                "%d jobs wait in the outbox, the oldest for %.0f s: %s", waiting.jobs, waiting.oldest, why
            )
