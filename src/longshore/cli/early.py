"""Signals that come before there is anything to drain."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from click.exceptions import Exit


@contextmanager
def leave_cleanly() -> Iterator[None]:
    """Until somebody else handles SIGTERM and SIGINT, one of them ends the command with 0: no job is held yet."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise Exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
