"""Background work in an ASGI server (Starlette, FastAPI): bounded coroutines, and if wanted a queue and its worker.

app = FastAPI(lifespan=lifespan(limit=50))
Background = Annotated[Scheduler, Depends(get_scheduler)]

app = Starlette(routes=..., lifespan=lifespan(mine, queue=queue, worker=True))    # around a lifespan of one's own
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import HTTPConnection

from longshore.aio import Job, Scheduler

from .background import Background

if TYPE_CHECKING:
    from longshore.app import App

__all__ = ("get_queue", "get_scheduler", "lifespan", "shield", "spawn")

A = TypeVar("A")
T = TypeVar("T")

SCHEDULER = "longshore_scheduler"
QUEUE = "longshore_queue"


def lifespan(
    inner: Callable[[A], AbstractAsyncContextManager[Mapping[str, Any] | None]] | None = None,
    *,
    queue: App | None = None,
    worker: bool | Mapping[str, Any] = False,
    **options: Any,
) -> Callable[[A], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """A lifespan that has a scheduler running, to give to Starlette or FastAPI.

    `inner`: the lifespan of your own; it starts first and ends last, so that jobs may use what it provides, and what it
    yields is handed on. `queue`: a durable `App` for the handlers (`get_queue`), opened and closed here. `worker`: run a
    worker of it inside the server, True or a mapping of `App.worker`'s arguments. `options` are those of `Scheduler`. At
    shutdown the jobs may finish for `wait_timeout` seconds (60) and are then cancelled; then the worker drains.

    The state it yields is in reach of every handler as `request.state.longshore_scheduler` and `.longshore_queue`, also
    in mounted applications. TypeError, ValueError: wrong options, or a worker without a queue.
    """
    background = Background(queue, worker, options)

    @asynccontextmanager
    async def combined(app: A) -> AsyncIterator[Mapping[str, Any]]:
        async with _nothing(app) if inner is None else inner(app) as state, background.running() as scheduler:
            yield {**(state or {}), SCHEDULER: scheduler, QUEUE: background.queue}

    return combined


@asynccontextmanager
async def _nothing(app: object) -> AsyncIterator[None]:
    yield


def get_scheduler(connection: HTTPConnection) -> Scheduler:
    """The server's scheduler; give it a request or a websocket, or use it as a FastAPI dependency.

    RuntimeError: the application runs without `lifespan`, or the server without lifespan events.
    """
    scheduler: Scheduler | None = connection.scope.get("state", {}).get(SCHEDULER)
    if scheduler is None:
        raise RuntimeError(
            "no scheduler: give the application lifespan=longshore.integrations.asgi.lifespan(...)"
        )
    return scheduler


def get_queue(connection: HTTPConnection) -> App:
    """The durable `App` given to `lifespan`; used as `get_scheduler` is. RuntimeError: there is none."""
    queue: App | None = connection.scope.get("state", {}).get(QUEUE)
    if queue is None:
        raise RuntimeError("no queue: give it to longshore.integrations.asgi.lifespan(queue=App(...))")
    return queue


async def spawn(
    connection: HTTPConnection,
    coro: Coroutine[Any, Any, T],
    name: str | None = None,
    *,
    timeout: float | None = None,
) -> Job[T]:
    """`Scheduler.spawn` on the server's scheduler; RuntimeError if there is none, and `coro` is closed."""
    try:
        scheduler = get_scheduler(connection)
    except RuntimeError:
        coro.close()
        raise
    return await scheduler.spawn(coro, name, timeout=timeout)


def shield(connection: HTTPConnection, awaitable: Awaitable[T]) -> asyncio.Future[T]:
    """`Scheduler.shield` on the server's scheduler: a handler that is cancelled does not stop `awaitable`."""
    return get_scheduler(connection).shield(awaitable)
