"""Logging in a worker's process: the tasks' own words on standard error, the worker's warnings among its lines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

_WORKER: Final = "longshore.worker"


class _Tasks(logging.Formatter):
    """Adds the job's id where a record has one (those of ``ctx.log`` do)."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        job = getattr(record, "job", None)
        if job is None:
            return text
        first, newline, rest = text.partition("\n")
        return f"{first}  [{getattr(record, 'task', '')} {job}]{newline}{rest}"


class _Notices(logging.Handler):
    """Hands the worker's warnings to whoever prints its lines."""

    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


def set_up(say: Callable[[str], object]) -> None:
    """Where the app's own modules configured logging, their way is left alone."""
    worker = logging.getLogger(_WORKER)
    worker.addHandler(_Notices(say))
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Tasks("%(asctime)s  %(levelname)-8s  %(name)s  %(message)s", "%H:%M:%S"))
    # Of the worker's own only what ends it: the rest stands among its lines. With its traceback: it is our fault.
    handler.addFilter(lambda record: record.name != _WORKER or record.levelno >= logging.CRITICAL)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
