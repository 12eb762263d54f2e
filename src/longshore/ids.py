"""Job ids: version 7 UUIDs (RFC 9562) as 32 hexadecimal digits, which sort by creation.

48 bits of milliseconds, 12 bits of their 4096th parts, 62 random bits. Within a process every id is greater than the one
before, also across threads and when the clock is set back: the time part then counts on by one.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import Final

_BATCH: Final = 512
_VERSION_AND_VARIANT: Final = 7 << 76 | 2 << 62
_RANDOM: Final = (1 << 62) - 1


class _Source:
    """The last time part and a stock of random bits, under one lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last = 0
        self.stock: list[int] = []

    def next(self) -> int:
        stamp = (time.time_ns() << 12) // 1_000_000
        self.last = last = stamp if stamp > self.last else self.last + 1
        if not self.stock:
            raw = os.urandom(8 * _BATCH)
            self.stock = [word & _RANDOM for word in struct.unpack(f"{_BATCH}Q", raw)]
        return (last >> 12) << 80 | (last & 0xFFF) << 64 | _VERSION_AND_VARIANT | self.stock.pop()

    def after_fork(self) -> None:
        # The child has a copy of the parent's random bits, and of its lock, which a thread may have held.
        self.lock = threading.Lock()
        self.stock = []


_source: Final = _Source()


def new_id() -> str:
    """A new id, greater than every one this process made before."""
    with _source.lock:
        number = _source.next()
    return f"{number:032x}"


def new_ids(count: int) -> list[str]:
    """``count`` new ids, ascending."""
    with _source.lock:
        numbers = [_source.next() for _ in range(count)]
    return [f"{number:032x}" for number in numbers]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_source.after_fork)
