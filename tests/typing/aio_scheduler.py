"""Checked by mypy and pyright, never run: types survive through the scheduler and the integrations."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, assert_type

from aiohttp import web
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request

from longshore import App
from longshore.aio import Job, JobSnapshot, Scheduler, create_scheduler
from longshore.compat import aiojobs
from longshore.integrations import aiohttp as in_aiohttp
from longshore.integrations import asgi as in_asgi


async def number() -> int:
    return 1


async def length(text: str) -> int:
    return len(text)


def report(scheduler: Scheduler, context: dict[str, Any]) -> None: ...


async def scheduler_and_jobs() -> None:
    scheduler = await create_scheduler(exception_handler=report)
    assert_type(scheduler, Scheduler)
    job = await scheduler.spawn(number(), name="one", timeout=5)
    assert_type(job, Job[int])
    assert_type(scheduler.spawn_nowait(number()), Job[int])
    assert_type(await job, int)
    assert_type(await job.wait(timeout=1), int)
    assert_type(job.result(), int)
    assert_type(await job.close(), None)
    wider: Job[object] = job
    assert_type(wider.closed, bool)
    for each in scheduler:
        assert_type(each, Job[Any])
    assert_type(await scheduler.shield(number()), int)
    assert_type(await scheduler.drain(5), tuple[JobSnapshot, ...])
    assert_type(scheduler.map(length, ["a", "b"]), AsyncGenerator[int, None])
    async for done in scheduler.as_completed(number() for _ in range(3)):
        assert_type(done, Job[int])
    async with aiojobs.Scheduler() as old:
        assert_type(await old.spawn(number()), Job[int])


@in_aiohttp.atomic
async def handler(request: web.Request) -> web.Response:
    assert_type(await in_aiohttp.spawn(request, number()), Job[int])
    assert_type(await in_aiohttp.shield(request, number()), int)
    assert_type(in_aiohttp.get_scheduler(request), Scheduler)
    assert_type(in_aiohttp.get_queue(request), App)
    return web.Response()


class View(web.View):
    @in_aiohttp.atomic
    async def get(self) -> web.Response:
        return web.Response()


def aiohttp_server(queue: App) -> web.Application:
    app = web.Application()
    app.router.add_get("/", handler)
    app.router.add_view("/view", View)
    in_aiohttp.setup(app, queue=queue, worker={"concurrency": 5}, limit=10)
    assert_type(in_aiohttp.get_scheduler_from_app(app), Scheduler | None)
    return app


@asynccontextmanager
async def mine(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"answer": 42}


@asynccontextmanager
async def without_state(app: FastAPI) -> AsyncIterator[None]:
    yield


def asgi_servers(queue: App) -> None:
    Starlette(lifespan=in_asgi.lifespan(mine, queue=queue, worker=True))
    Starlette(lifespan=in_asgi.lifespan())
    app = FastAPI(lifespan=in_asgi.lifespan(without_state, limit=5))

    @app.get("/")
    async def read(request: Request, scheduler: Annotated[Scheduler, Depends(in_asgi.get_scheduler)]) -> None:
        assert_type(await in_asgi.spawn(request, number()), Job[int])
