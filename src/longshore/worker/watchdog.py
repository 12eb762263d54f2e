"""Notices that the event loop stands still, and says where; and that the store gives no answer."""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

from longshore.worker.observer import Observer
from longshore.worker.stalls import Stalls

#: seconds between two looks, and how long the loop may stand still before it is reported
LOOK = 0.5
PATIENCE = 1.0
#: seconds the feed may wait for one answer of the store before that is reported; the store itself gives up later
SILENCE = 3.0


class _Blocked(NamedTuple):
    task: str | None
    where: str


class Watchdog:
    """A thread that needs no store: it asks the loop for an answer while coroutines run in it, and looks at the feed.

    ``silence`` tells for how long the feed has waited for an answer.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        loop_thread: int,
        busy: Callable[[], bool],
        silence: Callable[[], float],
        observer: Observer,
        stalls: Stalls,
    ) -> None:
        self._loop = loop
        self._loop_thread = loop_thread
        self._busy = busy
        self._silence = silence
        self._observer = observer
        self._stalls = stalls
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        #: when the loop was asked; 0: it has answered
        self._asked = 0.0
        self._blocked: _Blocked | None = None

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.wait(LOOK):
            silence = self._silence()
            if silence >= SILENCE:
                self._stalls.begin(
                    "feed", f"no answer from the store for {silence:.1f} s", time.monotonic() - silence
                )
            self._look()

    def _look(self) -> None:
        asked = self._asked
        if asked:
            if self._blocked is None and time.monotonic() - asked >= PATIENCE:
                self._found(time.monotonic() - asked)
        elif self._busy():
            self._asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(self._answered)
            except RuntimeError:  # the loop is closed
                self._asked = 0.0

    def _found(self, seconds: float) -> None:
        found = _Blocked(*self._scene())
        with self._lock:
            if not self._asked:  # it answered just now
                return
            self._blocked = found
            self._stalls.begin(
                "loop",
                f"the event loop stands still for {seconds:.1f} s, in task {found.task or '?'} at {found.where}. "
                "Declare blocking work sync to run it in a thread",
                self._asked,
            )

    def _answered(self) -> None:
        """In the loop."""
        with self._lock:
            seconds, blocked = time.monotonic() - self._asked, self._blocked
            self._asked, self._blocked = 0.0, None
            if blocked is not None:
                self._stalls.end("loop")
        if blocked is not None:
            self._observer.blocked(seconds, *blocked)

    def _scene(self) -> tuple[str | None, str]:
        current = asyncio.current_task(self._loop)
        frame: FrameType | None = sys._current_frames().get(self._loop_thread)
        return (current.get_name() if current else None), _place(frame)


def _place(frame: FrameType | None) -> str:
    if frame is None:
        return "?"
    name, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(name, line).strip()
    return f"{name}:{line}{': ' + text if text else ''}"
