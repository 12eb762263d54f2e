"""Notices that the event loop stands still, and says where."""

from __future__ import annotations

import asyncio
import linecache
import logging
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from longshore.worker.observer import Observer

_log = logging.getLogger("longshore.worker")

#: seconds between two looks, and how long the loop may stand still before it is reported
LOOK = 0.5
PATIENCE = 1.0


class Watchdog:
    """A thread that asks the loop for an answer while coroutines run in it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, loop_thread: int, busy: Callable[[], bool], observer: Observer
    ) -> None:
        self._loop = loop
        self._loop_thread = loop_thread
        self._busy = busy
        self._observer = observer
        self._stopped = threading.Event()
        self._answered = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self._answered.set()

    def run(self) -> None:
        while not self._stopped.wait(LOOK):
            if self._busy():
                self._look()

    def _look(self) -> None:
        self._answered.clear()
        asked = time.monotonic()
        try:
            self._loop.call_soon_threadsafe(self._answered.set)
        except RuntimeError:  # the loop is closed
            return
        if self._answered.wait(PATIENCE):
            return
        task, where = self._scene()
        _log.warning(
            "the event loop stands still for %.1f s, in task %s at %s. Declare blocking work sync to run it in a thread",
            time.monotonic() - asked, task or "?", where,
        )  # fmt: skip
        self._answered.wait()
        self._observer.blocked(time.monotonic() - asked, task, where)

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
