"""Make the program stop, die or fail at one of its named points (`longshore.failpoint.NAMES`)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from longshore import failpoint

Action = Callable[[], object]


@contextmanager
def at(point: str, action: Action, times: int | None = None, skip: int = 0) -> Iterator[None]:
    """Do ``action`` when ``point`` is reached: not the first ``skip`` times, then ``times`` times (None: always)."""
    install(point, action, times, skip)
    try:
        yield
    finally:
        clear(point)


def install(point: str, action: Action, times: int | None = None, skip: int = 0) -> None:
    """As `at`, until `clear`: for child processes that are to die there."""
    if point not in failpoint.NAMES:
        raise ValueError(f"no such failpoint: {point!r}; there are {', '.join(failpoint.NAMES)}")
    _installed[point] = _Counted(action, times, skip)
    failpoint.install(dict(_installed))


def clear(point: str | None = None) -> None:
    """Take the action at ``point`` away, or all."""
    if point is None:
        _installed.clear()
    else:
        _installed.pop(point, None)
    failpoint.install(dict(_installed) or None)


def kill() -> None:
    """Die as by kill -9: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """Stand still as by kill -STOP, until SIGCONT."""
    # To this thread, not to the process: the kernel would pick any thread, and this one would go on for a moment.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def fail(error: BaseException) -> Action:
    """Raise this."""

    def action() -> None:
        raise error

    return action


class _Counted:
    def __init__(self, action: Action, times: int | None, skip: int) -> None:
        self._action, self._times, self._skip = action, times, skip
        self._seen = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            seen, self._seen = self._seen, self._seen + 1
        if seen >= self._skip and (self._times is None or seen < self._skip + self._times):
            self._action()


_installed: dict[str, _Counted] = {}
