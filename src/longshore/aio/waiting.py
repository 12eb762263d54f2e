"""Waiting for a future, at most so long, without cancelling anything."""

from __future__ import annotations

import asyncio


async def arrives(future: asyncio.Future[bool], timeout: float | None) -> bool:
    """Wait until `future` is woken and return True, or return False after `timeout` seconds (None: no bound).

    A timer instead of `asyncio.timeout`: nothing is cancelled that would have to be turned back into a time-out,
    so the caller's own cancellation passes through unchanged.
    """
    if timeout is None:
        return await future
    timer = future.get_loop().call_later(timeout, _settle, future, False)
    try:
        return await future
    finally:
        timer.cancel()


def wake(future: asyncio.Future[bool]) -> bool:
    """Let whoever awaits `future` go on; return whether anybody does."""
    _settle(future, True)
    return not future.cancelled()


def _settle(future: asyncio.Future[bool], arrived: bool) -> None:
    if not future.done():
        future.set_result(arrived)
