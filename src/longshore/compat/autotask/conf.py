"""Autotask's settings that still mean something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Warning

from longshore.duration import seconds

#: Seconds between a failed run and the next, as in autotask.
RETRY_DELAY: Final = 2.0

#: What has no meaning any more, and why.
_GONE: Final = {
    "AUTOTASK_CLEAN_INTERVAL": "Workers clean up by themselves.",
    "AUTOTASK_HANDLE_TASK_IDLE_TIME": "Workers are woken by what is enqueued.",
    "AUTOTASK_WORKER_EXECUTABLE": "The worker runs on the Python that runs Django.",
    "AUTOTASK_WORKER_MONITOR_INTERVAL": "The worker's end is noticed at once.",
}


def retry_delay() -> float:
    """AUTOTASK_RETRY_DELAY in seconds. ConfigError: it is no duration."""
    return seconds(getattr(settings, "AUTOTASK_RETRY_DELAY", RETRY_DELAY), "AUTOTASK_RETRY_DELAY")


def is_active() -> bool:
    """AUTOTASK_IS_ACTIVE: whether Django starts a worker where LONGSHORE does not say."""
    return bool(getattr(settings, "AUTOTASK_IS_ACTIVE", True))


def check_settings(app_configs: Any = None, **_: Any) -> Iterator[CheckMessage]:
    """``longshore.W101``: a setting without effect."""
    for name, why in _GONE.items():
        if hasattr(settings, name):
            yield Warning(f"The setting {name} has no effect.", hint=f"{why} Remove it.", id="longshore.W101")
