"""Not outliving the process that started us."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, however. Linux only; elsewhere the pipe's end tells."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)


def on_end_of(fd: int, act: object) -> threading.Thread:
    """Call ``act`` once the other end of the pipe ``fd`` is closed: the process that held it is gone."""

    def watch() -> None:
        while os.read(fd, 1):
            pass
        if callable(act):
            act()

    thread = threading.Thread(target=watch, name="longshore-parent-watch", daemon=True)
    thread.start()
    return thread


def how(code: int) -> str:
    """How a process ended, from its return code: -N where signal N killed it."""
    if code >= 0:
        return f"its process exited with status {code}"
    try:
        return f"its process was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"its process was killed by signal {-code}"
