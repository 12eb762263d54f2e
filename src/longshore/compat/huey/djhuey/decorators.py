"""The decorators without the invoker: that of the settings is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import close_old_connections

from longshore.compat.huey import decorators
from longshore.compat.huey.decorators import crontab
from longshore.compat.huey.djhuey.conf import site

__all__ = ("crontab", "periodic_command", "queue_command")


def queue_command(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Bare, or with ``retries``, ``retry_delay`` and ``retries_as_argument``; see `longshore.compat.huey.decorators`.

    Database connections that broke or grew too old are closed before and after each run.
    """
    if fn is None:
        return lambda given: queue_command(given, **options)
    return decorators.queue_command(site().invoker, **options)(_tidy(fn))


def periodic_command(validate_datetime: Callable[[datetime], object]) -> Callable[[Callable[..., Any]], Any]:
    """See `longshore.compat.huey.decorators.periodic_command`; connections are closed as above."""
    decorate = decorators.periodic_command(site().invoker, validate_datetime)
    return lambda fn: decorate(_tidy(fn))


def _tidy(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def tidy(*args: Any, **kwargs: Any) -> Any:
        close_old_connections()
        try:
            return fn(*args, **kwargs)
        finally:
            close_old_connections()

    return tidy
