"""A worker as the main business of a process: signals, the service manager, the supervisor above it."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from longshore.worker.death import on_end_of
from longshore.worker.notify import notify, watchdog_seconds
from longshore.worker.worker import Worker

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    worker: Worker, parent_fd: int | None = None, signalled: Callable[[int], None] | None = None
) -> None:
    """Run the worker until it ends. Call it in the main thread.

    The first SIGTERM or SIGINT drains, the second gives back at once. With ``parent_fd``, a pipe whose other end the
    supervisor holds: its end drains too. ``signalled`` is told how many signals came. WorkerError: it died.
    """
    count = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        # Not in the handler itself: it interrupts the main thread anywhere, perhaps holding a lock that stopping needs.
        threading.Thread(target=_stop, args=(worker, count, signalled), daemon=True).start()

    _spare_the_collector()
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        worker.start()
        if parent_fd is not None:
            on_end_of(parent_fd, worker.stop)
        notify(READY=1, STATUS=f"worker {worker.name}")
        _beat(worker)
        notify(STOPPING=1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _spare_the_collector() -> None:
    """A worker makes and drops a dozen small objects a job, none of them in a cycle; with Python's defaults a quarter of its
    time would go into looking for cycles among them and among everything that was ever imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _stop(worker: Worker, count: int, signalled: Callable[[int], None] | None) -> None:
    if signalled is not None:
        signalled(count)
    if count == 1:
        worker.stop()
    else:
        worker.stop_now()


def _beat(worker: Worker) -> None:
    """Wait for the worker's end, petting the service manager's watchdog meanwhile."""
    every = watchdog_seconds()
    while not worker.join(every if every is not None else 3600.0):
        if every is not None:
            notify(WATCHDOG=1, STATUS=f"{worker.running} jobs, pid {os.getpid()}")
