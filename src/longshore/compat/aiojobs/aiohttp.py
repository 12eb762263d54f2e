"""The words of aiojobs.aiohttp over Longshore's aiohttp integration."""

from typing import Any

from aiohttp import web

from longshore.integrations import aiohttp as integration
from longshore.integrations.aiohttp import (
    SCHEDULER as AIOJOBS_SCHEDULER,
)
from longshore.integrations.aiohttp import (
    atomic,
    get_scheduler,
    get_scheduler_from_app,
    get_scheduler_from_request,
    shield,
    spawn,
)

__all__ = (
    "AIOJOBS_SCHEDULER",
    "atomic",
    "get_scheduler",
    "get_scheduler_from_app",
    "get_scheduler_from_request",
    "setup",
    "shield",
    "spawn",
)


def setup(app: web.Application, **kwargs: Any) -> None:
    """Give `app` a scheduler, made with `kwargs` when it starts and closed when it is cleaned up."""
    integration.setup(app, **kwargs)
