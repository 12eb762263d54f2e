"""Waiting in tests: for a condition, with a deadline, never for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

#: seconds until a test gives up: far beyond what is ever needed, so that a slow machine fails nothing
DEADLINE: Final = 20.0
_LOOK: Final = 0.01


def until(condition: Callable[[], T], what: str, timeout: float = DEADLINE) -> T:
    """Ask again and again until the answer is true; the answer. AssertionError, naming ``what``: it never was."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        pause.wait(_LOOK)
    return answer
