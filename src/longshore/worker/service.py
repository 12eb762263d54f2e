"""A worker as the main business of a process: signals, the service manager, the supervisor above it."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable

from longshore.worker.death import on_end_of
from longshore.worker.notify import notify, watchdog_seconds
from longshore.worker.signals import Signals
from longshore.worker.worker import Worker


def serve(
    worker: Worker, parent_fd: int | None = None, signalled: Callable[[int], None] | None = None
) -> None:
    """Run the worker until it ends. Call it in the main thread.

    The first SIGTERM or SIGINT drains, the second gives back at once. With ``parent_fd``, a pipe whose other end the
    supervisor holds: its end drains too. ``signalled`` is told how many signals came. WorkerError: it died.
    """
    started = threading.Event()

    def told(count: int) -> None:
        started.wait()  # what is still starting cannot be stopped, and must not forget that it was told
        if signalled is not None:
            signalled(count)
        if count == 1:
            notify(STOPPING=1)
            worker.stop()
        elif count == 2:
            worker.stop_now()

    _spare_the_collector()
    with Signals(told):
        try:
            worker.start()
        finally:
            started.set()
        if parent_fd is not None:
            on_end_of(parent_fd, worker.stop)
        notify(READY=1, STATUS=f"worker {worker.name}")
        _beat(worker)


def _spare_the_collector() -> None:
    """A worker makes and drops a dozen small objects a job, none of them in a cycle; with Python's defaults a quarter of its
    time would go into looking for cycles among them and among everything that was ever imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _beat(worker: Worker) -> None:
    """Wait for the worker's end, petting the service manager's watchdog meanwhile."""
    every = watchdog_seconds()
    while not worker.join(every if every is not None else 3600.0):
        if every is not None:
            stall = worker.stalled
            what = (
                f"{worker.running} jobs"
                if stall is None
                else f"stalled for {stall.seconds:.0f} s: {stall.why}"
            )
            notify(WATCHDOG=1, STATUS=f"{' '.join(what.split())}, pid {os.getpid()}")
