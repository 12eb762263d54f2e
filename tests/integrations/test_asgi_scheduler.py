"""Bounded coroutines in a real ASGI server, with a real client: Starlette and FastAPI."""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from longshore.aio import Scheduler
from longshore.integrations.asgi import get_queue, get_scheduler, lifespan, shield, spawn


async def ask(server, path="/"):
    async with httpx.AsyncClient() as client:
        response = await client.get(server.url + path)
        assert response.status_code == 200, response.text
        return response.text


async def test_starlette_spawn_answers_before_the_job_has_ended(serve_asgi):
    go, finished = asyncio.Event(), asyncio.Event()

    async def work():
        await go.wait()
        finished.set()

    async def handler(request):
        job = await spawn(request, work(), "work", timeout=30)
        return PlainTextResponse(f"{job.name} {get_scheduler(request).limit}")

    server = await serve_asgi(Starlette(routes=[Route("/", handler)], lifespan=lifespan(limit=7)))
    assert await ask(server) == "work 7"
    assert not finished.is_set()
    go.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_it_goes_around_nothing_and_inside_ones_own(serve_asgi):
    order = []

    @asynccontextmanager
    async def mine(app):
        assert isinstance(app, Starlette)
        order.append("mine starts")
        yield {"answer": 42}
        order.append("mine ends")

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            order.append("job ends")

    async def handler(request):
        await spawn(request, work())
        return PlainTextResponse(str(request.state.answer))

    server = await serve_asgi(
        Starlette(routes=[Route("/", handler)], lifespan=lifespan(mine, wait_timeout=0.01))
    )
    assert await ask(server) == "42"
    await server.stop()
    assert order == ["mine starts", "job ends", "mine ends"]


async def test_shutdown_lets_running_jobs_finish(serve_asgi):
    go, finished, schedulers = asyncio.Event(), [], []

    async def work():
        await go.wait()
        finished.append(1)

    async def handler(request):
        schedulers.append(get_scheduler(request))
        await spawn(request, work())
        return PlainTextResponse("accepted")

    server = await serve_asgi(Starlette(routes=[Route("/", handler)], lifespan=lifespan()))
    await ask(server)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert finished == [1]
    assert schedulers[0].closed


async def test_mounted_applications_reach_it(serve_asgi):
    async def handler(request):
        return PlainTextResponse(str(get_scheduler(request).limit))

    inner = Starlette(routes=[Route("/limit", handler)])
    server = await serve_asgi(Starlette(routes=[Mount("/inner", app=inner)], lifespan=lifespan(limit=9)))
    assert await ask(server, "/inner/limit") == "9"


async def test_a_websocket_reaches_it():
    """Without a server: uvicorn needs one more package for websockets. What it would send is written out here."""
    sent = []

    async def endpoint(websocket):
        await websocket.accept()
        job = await spawn(websocket, asyncio.sleep(0, "from a job"))
        await websocket.send_text(await job)

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    async with lifespan()(app) as state:
        scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "state": dict(state)}
        await app(scope, receive, send)
    assert sent[1] == {"type": "websocket.send", "text": "from a job"}


async def test_fastapi_dependency(serve_asgi):
    app = FastAPI(lifespan=lifespan(limit=3))

    async def double(number: int) -> int:
        return number * 2

    @app.get("/double/{number}")
    async def handler(number: int, scheduler: Annotated[Scheduler, Depends(get_scheduler)]) -> int:
        return await (await scheduler.spawn(double(number))).wait()

    server = await serve_asgi(app)
    assert await ask(server, "/double/21") == "42"


async def test_a_handler_that_is_cancelled_does_not_stop_shielded_work(serve_asgi):
    go, arrived, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work():
        arrived.set()
        await go.wait()
        finished.set()

    async def handler(request):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await shield(request, work())
        return PlainTextResponse("gave up waiting")

    server = await serve_asgi(Starlette(routes=[Route("/", handler)], lifespan=lifespan()))
    assert await ask(server) == "gave up waiting"
    assert arrived.is_set()
    go.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_without_the_lifespan(serve_asgi):
    async def handler(request):
        coro = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="no scheduler"):
            await spawn(request, coro)
        assert coro.cr_frame is None
        with pytest.raises(RuntimeError, match="no scheduler"):
            get_scheduler(request)
        with pytest.raises(RuntimeError, match="no queue"):
            get_queue(request)
        return PlainTextResponse("refused")

    assert await ask(await serve_asgi(Starlette(routes=[Route("/", handler)]))) == "refused"


def test_options_are_checked_at_once():
    with pytest.raises(ValueError, match="limit"):
        lifespan(limit=0)
    with pytest.raises(ValueError, match="needs a queue"):
        lifespan(worker=True)
