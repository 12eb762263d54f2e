"""The document's examples, with only the package changed in the import lines."""

import asyncio
import contextlib

import aiohttp as aiohttp_client
import pytest
from aiohttp import web

from longshore.compat import aiojobs
from longshore.compat.aiojobs import Job, Scheduler, create_scheduler
from longshore.compat.aiojobs.aiohttp import (
    atomic,
    get_scheduler,
    get_scheduler_from_app,
    get_scheduler_from_request,
    setup,
    shield,
    spawn,
)


async def serve(app):
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, "http://{}:{}".format(*runner.addresses[0][:2])


async def get(url):
    async with aiohttp_client.ClientSession() as client, client.get(url) as response:
        return response.status, await response.text()


def test_the_names():
    assert set(aiojobs.__all__) == {"Job", "Scheduler", "create_scheduler"}


async def test_c1_spawn_wait_close():
    finished = []

    async def coro(timeout):
        await asyncio.sleep(timeout)
        finished.append(timeout)
        if len(finished) == 50:
            half.set()

    half = asyncio.Event()
    scheduler = await aiojobs.create_scheduler()
    for i in range(100):
        await scheduler.spawn(coro(0 if i < 50 else 60))
    assert scheduler.active_count == 100
    await asyncio.wait_for(half.wait(), 5)
    await scheduler.close()
    assert scheduler.closed
    assert len(finished) == 50
    assert len(scheduler) == 0
    with pytest.raises(RuntimeError):
        await scheduler.spawn(asyncio.sleep(0))


async def test_c2_defaults():
    scheduler = await create_scheduler()
    assert isinstance(scheduler, Scheduler)
    assert (scheduler.limit, scheduler.pending_limit, scheduler.close_timeout) == (100, 10000, 0.1)
    assert scheduler.exception_handler is None
    with pytest.raises(TypeError):
        await create_scheduler(1)


async def test_c3_states():
    scheduler = await create_scheduler(limit=1, pending_limit=1)
    go = asyncio.Event()
    first, second = await scheduler.spawn(go.wait()), await scheduler.spawn(asyncio.sleep(0, 2))
    assert isinstance(first, Job)
    assert (first.active, first.pending, first.closed) == (True, False, False)
    assert (second.active, second.pending, second.closed) == (False, True, False)
    third = asyncio.create_task(scheduler.spawn(asyncio.sleep(0, 3)))
    await asyncio.sleep(0)
    assert not third.done()
    go.set()
    assert await (await third).wait() == 3
    assert (first.active, first.pending, first.closed) == (False, False, True)
    await scheduler.close()


@pytest.mark.parametrize("debug", [False, True])
async def test_c4_the_exception_handler(debug):
    asyncio.get_running_loop().set_debug(debug)
    contexts = []

    def handler(scheduler, context):
        contexts.append((scheduler, context))

    async def fail():
        raise ValueError

    scheduler = await create_scheduler(exception_handler=handler)
    job = await scheduler.spawn(fail())
    await scheduler.wait_and_close()
    [(given, context)] = contexts
    assert given is scheduler
    assert set(context) == {"message", "job", "exception"} | ({"source_traceback"} if debug else set())
    assert context["job"] is job
    assert context["message"] == "Job processing failed"


async def test_c5_time_outs():
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    scheduler = await create_scheduler(close_timeout=0.01)
    job = await scheduler.spawn(asyncio.Event().wait())
    with pytest.raises(asyncio.TimeoutError):
        await job.wait(timeout=0.01)
    assert job.closed
    job = await scheduler.spawn(stubborn())
    await asyncio.sleep(0)
    with pytest.raises(asyncio.TimeoutError):
        await job.close(timeout=0.01)
    assert job.closed
    release.set()
    await scheduler.close()


async def test_c6_atomic_and_its_equivalent():
    @atomic
    async def handler(request):
        return web.Response()

    async def inner(request):
        return web.Response()

    async def by_hand(request):
        job = await spawn(request, inner(request))
        return await job.wait()

    async def shielded(request):
        return await shield(request, inner(request))

    app = web.Application()
    app.router.add_get("/atomic", handler)
    app.router.add_get("/by_hand", by_hand)
    app.router.add_get("/shielded", shielded)
    setup(app)
    runner, url = await serve(app)
    try:
        for path in ("/atomic", "/by_hand", "/shielded"):
            assert (await get(url + path))[0] == 200
    finally:
        await runner.cleanup()


async def test_c7_getting_the_scheduler():
    async def handler(request):
        scheduler = get_scheduler(request)
        assert scheduler is get_scheduler_from_app(request.app) is get_scheduler_from_request(request)
        return web.Response(text=str(scheduler.limit))

    async def without(request):
        with pytest.raises(RuntimeError):
            get_scheduler(request)
        assert get_scheduler_from_app(request.app) is None
        return web.Response(text="none")

    app, bare = web.Application(), web.Application()
    app.router.add_get("/", handler)
    bare.router.add_get("/", without)
    setup(app, limit=7)
    runners = []
    try:
        for application, answer in ((app, "7"), (bare, "none")):
            runner, url = await serve(application)
            runners.append(runner)
            assert await get(url) == (200, answer)
        scheduler = get_scheduler_from_app(app)
    finally:
        for runner in runners:
            await runner.cleanup()
    assert scheduler.closed
