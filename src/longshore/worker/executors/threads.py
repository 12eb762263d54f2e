"""Sync functions, in a bounded set of threads."""

from __future__ import annotations

import contextvars
import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence

from longshore.worker.execute import Execution
from longshore.worker.executors import UNBOUNDED, Ended
from longshore.worker.run import Run


class ThreadExecutor:
    """Threads take runs from one queue, so a slow one holds back nobody but itself.

    Threads are started as they are needed and are daemons: Python cannot stop a thread, and a worker that was told to stop
    at once must be able to exit.
    """

    _numbers = itertools.count(1)

    def __init__(self, limit: int, execution: Execution, ended: Ended) -> None:
        self._limit = limit
        self._execution = execution
        self._ended = ended
        self._waiting: deque[Run] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._threads = 0
        self._idle = 0
        self._closed = False

    def submit(self, runs: Sequence[Run]) -> None:
        with self._lock:
            self._waiting.extend(runs)
            missing = min(len(self._waiting) - self._idle, self._limit - self._threads)
            for _ in range(missing):
                self._start()
            if self._idle:
                self._wake.notify(min(self._idle, len(runs)))

    def _start(self) -> None:
        self._threads += 1
        name = f"longshore-thread-{next(self._numbers)}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def capacity(self) -> int:
        return UNBOUNDED

    def withdraw(self) -> list[Run]:
        with self._lock:
            runs = list(self._waiting)
            self._waiting.clear()
        return runs

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._wake.notify_all()

    def _work(self) -> None:
        base = contextvars.copy_context()
        waiting, execution, ended = self._waiting, self._execution, self._ended
        while True:
            try:
                run = waiting.popleft()
            except IndexError:
                if not self._rest():
                    return
                continue
            run.begun = time.monotonic()
            # A context of its own for every run: what one job sets in a contextvar, the next does not see.
            ended(run, base.copy().run(execution.run, run))

    def _rest(self) -> bool:
        """Wait until there may be something to do; False: the executor is closed."""
        with self._lock:
            self._idle += 1
            while not self._waiting and not self._closed:
                self._wake.wait()
            self._idle -= 1
            return not self._closed
