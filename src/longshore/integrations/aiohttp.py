"""Background work in an aiohttp server: bounded coroutines, and if wanted a durable queue and its worker.

setup(app, limit=50)                            # handlers may: await spawn(request, coro)
setup(app, queue=queue, worker=True)            # ... and a worker runs inside the server
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from aiohttp import web

from longshore.aio import Job, Scheduler

from .background import Background

if TYPE_CHECKING:
    from longshore.app import App

__all__ = (
    "QUEUE",
    "SCHEDULER",
    "atomic",
    "get_queue",
    "get_scheduler",
    "get_scheduler_from_app",
    "get_scheduler_from_request",
    "setup",
    "shield",
    "spawn",
)

P = ParamSpec("P")
T = TypeVar("T")

SCHEDULER: web.AppKey[Scheduler] = web.AppKey("longshore.scheduler", Scheduler)
QUEUE: web.AppKey[App] = web.AppKey("longshore.queue")
_PLANNED: web.AppKey[bool] = web.AppKey("longshore.planned", bool)


def setup(
    app: web.Application,
    *,
    queue: App | None = None,
    worker: bool | Mapping[str, Any] = False,
    **options: Any,
) -> None:
    """Give `app` a scheduler from its start to its clean-up; sub-applications may have their own, or share it.

    `queue`: a durable `App` for the handlers (`get_queue`); opened at start, closed at clean-up. `worker`: run a worker
    of it inside the server, True or a mapping of `App.worker`'s arguments. `options` are those of `Scheduler`. At
    clean-up the jobs may finish for `wait_timeout` seconds (60) and are then cancelled; then the worker drains.
    Resources that jobs use belong into `cleanup_ctx` before this call: what is set up first is torn down last.

    RuntimeError: called twice for one application. TypeError, ValueError: wrong options, or a worker without a queue.
    """
    background = Background(queue, worker, options)
    if _PLANNED in app:
        raise RuntimeError(
            "longshore is set up for this application already; a sub-application may have its own"
        )

    async def cleanup_context(app: web.Application) -> AsyncIterator[None]:
        async with background.running() as scheduler:
            app[SCHEDULER] = scheduler
            if background.queue is not None:
                app[QUEUE] = background.queue
            yield

    app.cleanup_ctx.append(cleanup_context)
    app[_PLANNED] = True


def get_scheduler_from_app(app: web.Application) -> Scheduler | None:
    """The scheduler of exactly this application; None if it has none, or has not started."""
    return app.get(SCHEDULER)


def get_scheduler_from_request(request: web.Request) -> Scheduler | None:
    """The scheduler of the innermost application around the handler that has one, else None."""
    return request.config_dict.get(SCHEDULER)


def get_scheduler(request: web.Request) -> Scheduler:
    """As `get_scheduler_from_request`; RuntimeError if there is none."""
    scheduler = get_scheduler_from_request(request)
    if scheduler is None:
        raise RuntimeError(
            "no scheduler: call longshore.integrations.aiohttp.setup(app) before the server starts"
        )
    return scheduler


def get_queue(request: web.Request) -> App:
    """The durable `App` given to `setup`, of the innermost application that has one; RuntimeError if there is none."""
    queue: App | None = request.config_dict.get(QUEUE)
    if queue is None:
        raise RuntimeError("no queue: call longshore.integrations.aiohttp.setup(app, queue=App(...))")
    return queue


async def spawn(
    request: web.Request,
    coro: Coroutine[Any, Any, T],
    name: str | None = None,
    *,
    timeout: float | None = None,
) -> Job[T]:
    """`Scheduler.spawn` on the request's scheduler; RuntimeError if there is none, and `coro` is closed."""
    try:
        scheduler = get_scheduler(request)
    except RuntimeError:
        coro.close()
        raise
    return await scheduler.spawn(coro, name, timeout=timeout)


def shield(request: web.Request, awaitable: Awaitable[T]) -> asyncio.Future[T]:
    """`Scheduler.shield` on the request's scheduler: a client that leaves does not stop `awaitable`."""
    return get_scheduler(request).shield(awaitable)


def atomic(handler: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Run the whole handler as a job: once started, a client that leaves does not stop it half-way.

    For handlers that take the request, alone or as a method's last argument, and for methods of a `web.View`.
    """

    @wraps(handler)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        scheduler = get_scheduler(_request(args))
        job = await scheduler.spawn(handler(*args, **kwargs))
        return await job.wait()

    return wrapper


def _request(args: tuple[object, ...]) -> web.Request:
    last = args[-1] if args else None
    if isinstance(last, web.View):
        return last.request
    if isinstance(last, web.Request):
        return last
    raise TypeError(f"atomic is for web handlers and methods of a web.View; there is no request in {args!r}")
