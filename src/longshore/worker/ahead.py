"""A thread that does one thing for another while that one does something else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """``answer = ahead.start(function)``, and later ``answer()`` waits for what it gives or raises what it raised.

    One at a time. Its thread is a daemon: a function that never returns holds up nobody's exit.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._asked: SimpleQueue[Callable[[], T] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, function: Callable[[], T]) -> Callable[[], T]:
        """Begin; the first call of all makes the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._asked.put(function)
        return self._answer

    def close(self) -> None:
        """End the thread, once it is done."""
        self._asked.put(None)

    def _answer(self) -> T:
        answer, error = self._done.get()
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # the function's own

    def _run(self) -> None:
        while (function := self._asked.get()) is not None:
            try:
                self._done.put((function(), None))
            except BaseException as error:
                self._done.put((None, error))
