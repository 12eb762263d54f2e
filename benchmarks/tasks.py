"""The tasks that are measured, on the store that LONGSHORE_URL names."""

from __future__ import annotations

import logging
import time

from longshore import App

# That a server without persistence loses its jobs is known here.
logging.getLogger("longshore.stores").setLevel(logging.ERROR)

app = App()


@app.task
async def empty_async() -> None:
    """Nothing, in the event loop."""


@app.task
def empty_sync() -> None:
    """Nothing, in a thread."""


@app.task
async def stamp_async() -> float:
    """When it ran, on the machine's monotonic clock, which all processes share."""
    return time.monotonic()


@app.task
def stamp_sync() -> float:
    """The same, in a thread."""
    return time.monotonic()
