"""The durable queue in the handlers' reach, and a worker inside the server, on a database file: end to end."""

import asyncio

import httpx
import pytest
from aiohttp import web
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from longshore import App
from longshore.integrations import aiohttp as in_aiohttp
from longshore.integrations import asgi as in_asgi


@pytest.fixture
def queue(tmp_path):
    queue = App(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield queue
    queue.close()


@pytest.fixture
def double(queue):
    @queue.task
    async def double(number: int) -> int:
        return number * 2

    return double


@pytest.fixture
def triple(queue):
    @queue.task
    def triple(number: int) -> int:
        return number * 3

    return triple


@pytest.mark.parametrize("worker", [True, {"concurrency": 2}], ids=["worker", "worker with options"])
async def test_aiohttp_with_the_worker_inside(serve, queue, double, triple, worker):
    async def handler(request):
        assert in_aiohttp.get_queue(request) is queue
        jobs = [await double.aenqueue(21), await triple.aenqueue(14)]
        return web.Response(text=" ".join([str(await job.aresult(timeout=30)) for job in jobs]))

    app = web.Application()
    app.router.add_get("/", handler)
    in_aiohttp.setup(app, queue=queue, worker=worker)
    assert await (await serve(app)).text("/") == "42 42"


async def test_aiohttp_without_a_worker_leaves_the_job_to_others(serve, queue, double):
    async def handler(request):
        job = await double.aenqueue(21)
        return web.Response(text=job.id)

    app = web.Application()
    app.router.add_get("/", handler)
    in_aiohttp.setup(app, queue=queue)
    site = await serve(app)
    job = queue.job(await site.text("/"))
    assert job.state == "queued"
    await site.stop()
    async with queue.worker(burst=True):
        assert await job.aresult(timeout=30) == 42


async def test_aiohttp_shutdown_ends_the_scheduler_before_the_worker(serve, queue, double):
    """What a last coroutine enqueues is stored, and if it waits for the result, it gets it."""
    shutdown, results = asyncio.Event(), []

    async def work():
        await shutdown.wait()
        results.append(await (await double.aenqueue(21)).aresult(timeout=10))

    async def handler(request):
        await in_aiohttp.spawn(request, work())
        return web.Response(text="accepted")

    async def down(app):
        asyncio.get_running_loop().call_soon(shutdown.set)

    app = web.Application()
    app.router.add_get("/", handler)
    app.on_shutdown.append(down)
    in_aiohttp.setup(app, queue=queue, worker=True)
    site = await serve(app)
    await site.text("/")
    await site.stop()
    assert results == [42]


async def test_aiohttp_shutdown_drains_the_worker(serve, queue):
    started, go = asyncio.Event(), asyncio.Event()

    @queue.task
    async def slow() -> str:
        started.set()
        await go.wait()
        return "finished"

    async def handler(request):
        return web.Response(text=(await slow.aenqueue()).id)

    app = web.Application()
    app.router.add_get("/", handler)
    in_aiohttp.setup(app, queue=queue, worker=True)
    site = await serve(app)
    job = queue.job(await site.text("/"))
    await asyncio.wait_for(started.wait(), 30)
    stopping = asyncio.create_task(site.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert job.refresh().state == "succeeded"


async def test_starlette_with_the_worker_inside(serve_asgi, queue, double):
    async def handler(request):
        assert in_asgi.get_queue(request) is queue
        job = await double.aenqueue(21)
        return PlainTextResponse(str(await job.aresult(timeout=30)))

    app = Starlette(routes=[Route("/", handler)], lifespan=in_asgi.lifespan(queue=queue, worker=True))
    server = await serve_asgi(app)
    async with httpx.AsyncClient() as client:
        assert (await client.get(server.url)).text == "42"
    await server.stop()


async def test_fastapi_with_the_queue_as_a_dependency(serve_asgi, queue, double):
    app = FastAPI(lifespan=in_asgi.lifespan(queue=queue, worker={"concurrency": 2}))

    @app.get("/")
    async def handler(number: int, queue: App = Depends(in_asgi.get_queue)) -> int:
        job = await double.aenqueue(number)
        return await queue.job(job.id).aresult(timeout=30)

    server = await serve_asgi(app)
    async with httpx.AsyncClient() as client:
        assert (await client.get(server.url, params={"number": 21})).json() == 42
    await server.stop()
