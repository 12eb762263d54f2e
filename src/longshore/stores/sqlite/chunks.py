"""Rows a statement at a time.

A statement for many rows costs one hand-over of the interpreter lock where `executemany` costs one a row: half the
time of a settled job, and far more than half while another thread is busy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

#: Few sizes, so that few statements are compiled and all of them stay cached.
_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)


def execute(
    connection: sqlite3.Connection,
    text: Callable[[int], str],
    rows: Sequence[Sequence[Any]],
    head: Sequence[Any] = (),
) -> int:
    """Run ``text(n)`` for n rows at a time with the values of ``head`` and of these rows; how many rows it touched."""
    touched = start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            values = list(chain(head, *rows[start : start + size]))
            touched += connection.execute(text(size), values).rowcount
            start += size
    return touched
