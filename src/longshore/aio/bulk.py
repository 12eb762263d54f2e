"""Bounded work over many items: results in order, or jobs as they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Coroutine, Iterable
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, TypeVar

from .flow import Flow, Spawn
from .job import Job

A = TypeVar("A")
T = TypeVar("T")


async def ordered(
    spawn: Spawn,
    function: Callable[[A], Coroutine[Any, Any, T]],
    items: Iterable[A] | AsyncIterable[A],
    window: int,
    timeout: float | None,
) -> AsyncGenerator[T, None]:
    """The results of `function` over `items`, in order; see `Scheduler.map`."""
    flow: Flow[A, T] = Flow(spawn, function, window, timeout, as_spawned=True)
    try:
        async for job in flow.jobs(items):
            yield job.result()
    finally:
        await flow.stop()


async def completed(
    spawn: Spawn,
    coros: Iterable[Coroutine[Any, Any, T]] | AsyncIterable[Coroutine[Any, Any, T]],
    window: int,
    timeout: float | None,
) -> AsyncGenerator[Job[T], None]:
    """The jobs of `coros`, the first to end first; see `Scheduler.as_completed`."""
    flow: Flow[Coroutine[Any, Any, T], T] = Flow(spawn, _itself, window, timeout, as_spawned=False)
    try:
        async for job in flow.jobs(coros):
            yield job
    finally:
        await flow.stop()
        if isinstance(coros, Collection):  # made beforehand, all of them: none may be left "never awaited"
            for coro in coros:
                if getcoroutinestate(coro) == CORO_CREATED:
                    coro.close()


def _itself(coro: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    return coro
