"""Bounded coroutines in a real aiohttp server, with a real client."""

import asyncio

import pytest
from aiohttp import web

from longshore.aio import Scheduler
from longshore.integrations import aiohttp as longshore


def application(handler, **options):
    app = web.Application()
    app.router.add_get("/", handler)
    longshore.setup(app, **options)
    return app


async def test_spawn_answers_before_the_job_has_ended(serve):
    go, finished = asyncio.Event(), asyncio.Event()

    async def work():
        await go.wait()
        finished.set()

    async def handler(request):
        job = await longshore.spawn(request, work(), "work", timeout=30)
        return web.Response(text=job.name)

    site = await serve(application(handler))
    assert await site.text("/") == "work"
    assert not finished.is_set()
    go.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_setup_passes_its_options_on_and_closes_at_clean_up(serve):
    async def handler(request):
        return web.Response(text=str(longshore.get_scheduler(request).limit))

    app = application(handler, limit=7)
    assert longshore.get_scheduler_from_app(app) is None, "not before the start"
    site = await serve(app)
    assert await site.text("/") == "7"
    scheduler = longshore.get_scheduler_from_app(app)
    assert isinstance(scheduler, Scheduler)
    assert scheduler is app[longshore.SCHEDULER]
    await site.stop()
    assert scheduler.closed


def test_setup_checks_its_options_at_once():
    with pytest.raises(ValueError, match="limit"):
        longshore.setup(web.Application(), limit=0)
    with pytest.raises(TypeError, match="limits"):
        longshore.setup(web.Application(), limits=5)
    with pytest.raises(ValueError, match="needs a queue"):
        longshore.setup(web.Application(), worker=True)


def test_setup_twice_is_refused():
    app = web.Application()
    longshore.setup(app)
    with pytest.raises(RuntimeError, match="already"):
        longshore.setup(app)


async def test_without_setup(serve):
    async def handler(request):
        assert longshore.get_scheduler_from_request(request) is None
        assert longshore.get_scheduler_from_app(request.app) is None
        coro = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match=r"setup\(app\)"):
            await longshore.spawn(request, coro)
        assert coro.cr_frame is None
        with pytest.raises(RuntimeError, match=r"setup\(app\)"):
            longshore.get_scheduler(request)
        with pytest.raises(RuntimeError, match="queue=App"):
            longshore.get_queue(request)
        return web.Response(text="refused")

    app = web.Application()
    app.router.add_get("/", handler)
    assert await (await serve(app)).text("/") == "refused"


async def test_nested_applications_share_the_outer_ones_or_have_their_own(serve):
    async def limit(request):
        return web.Response(text=str(longshore.get_scheduler(request).limit))

    outer, sharing, own = web.Application(), web.Application(), web.Application()
    for app in (outer, sharing, own):
        app.router.add_get("/limit", limit)
    longshore.setup(outer, limit=5)
    longshore.setup(own, limit=6)
    outer.add_subapp("/sharing", sharing)
    outer.add_subapp("/own", own)
    site = await serve(outer)
    assert [await site.text(path) for path in ("/limit", "/sharing/limit", "/own/limit")] == ["5", "5", "6"]
    assert longshore.get_scheduler_from_app(sharing) is None
    schedulers = [longshore.get_scheduler_from_app(app) for app in (outer, own)]
    assert schedulers[0] is not schedulers[1]
    await site.stop()
    assert all(scheduler.closed for scheduler in schedulers)


async def test_two_schedulers_in_one_server_do_not_take_each_others_slots(serve):
    go = asyncio.Event()

    async def fill(request):
        scheduler = longshore.get_scheduler(request)
        await scheduler.spawn(go.wait())
        return web.Response(text=f"{scheduler.active_count} {scheduler.pending_count}")

    outer, inner = web.Application(), web.Application()
    for app in (outer, inner):
        app.router.add_get("/fill", fill)
        longshore.setup(app, limit=1)
    outer.add_subapp("/inner", inner)
    site = await serve(outer)
    assert [await site.text(path) for path in ("/fill", "/inner/fill", "/fill")] == ["1 0", "1 0", "1 1"]
    go.set()


class Steps:
    """A handler's way, as seen from the test."""

    def __init__(self):
        self.arrived, self.go, self.left, self.finished = (asyncio.Event() for _ in range(4))

    async def walk(self):
        self.arrived.set()
        try:
            await self.go.wait()
            self.finished.set()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return web.Response(text="walked")


async def test_a_client_that_leaves_stops_a_plain_handler(serve):
    steps = Steps()

    async def handler(request):
        return await steps.walk()

    site = await serve(application(handler), handler_cancellation=True)
    await site.leave("/", steps.arrived)
    await asyncio.wait_for(steps.left.wait(), 5)
    assert not steps.finished.is_set()


@pytest.mark.parametrize("kind", ["function", "method", "view", "by hand"])
async def test_a_client_that_leaves_does_not_stop_an_atomic_handler(serve, kind):
    steps = Steps()

    @longshore.atomic
    async def function(request):
        return await steps.walk()

    class Handlers:
        @longshore.atomic
        async def method(self, request):
            assert isinstance(self, Handlers)
            return await steps.walk()

    class View(web.View):
        @longshore.atomic
        async def get(self):
            assert isinstance(self, View)
            assert self.request.path == "/"
            return await steps.walk()

    async def by_hand(request):
        async def inner(request):
            return await steps.walk()

        job = await longshore.spawn(request, inner(request))
        return await job.wait()

    handler = {"function": function, "method": Handlers().method, "view": View, "by hand": by_hand}[kind]
    app = web.Application()
    app.router.add_route("*", "/", handler)
    longshore.setup(app)
    site = await serve(app, handler_cancellation=True)
    await site.leave("/", steps.arrived)
    steps.go.set()
    await asyncio.wait_for(steps.finished.wait(), 5)
    assert not steps.left.is_set()
    steps.arrived.clear()
    assert await site.text("/") == "walked", "and one who stays gets the answer"


async def test_a_shield_outlives_the_client_too(serve):
    steps = Steps()

    async def handler(request):
        return await longshore.shield(request, steps.walk())

    site = await serve(application(handler), handler_cancellation=True)
    await site.leave("/", steps.arrived)
    steps.go.set()
    await asyncio.wait_for(steps.finished.wait(), 5)


async def test_the_error_of_an_atomic_handler_whose_client_left_is_reported(serve):
    steps, reported, gone = Steps(), asyncio.Event(), asyncio.Event()
    contexts = []

    @web.middleware
    async def watch(request, handler):
        try:
            return await handler(request)
        except asyncio.CancelledError:
            gone.set()
            raise

    def report(scheduler, context):
        contexts.append(context)
        reported.set()

    @longshore.atomic
    async def handler(request):
        await steps.walk()
        raise ValueError("after the client had left")

    app = application(handler, exception_handler=report)
    app.middlewares.append(watch)
    site = await serve(app, handler_cancellation=True)
    await site.leave("/", steps.arrived)
    await asyncio.wait_for(gone.wait(), 5)
    steps.go.set()
    await asyncio.wait_for(reported.wait(), 5)
    assert [str(context["exception"]) for context in contexts] == ["after the client had left"]


async def test_an_atomic_handlers_error_is_the_handlers_own(serve):
    @longshore.atomic
    async def handler(request):
        raise web.HTTPGone(text="no more")

    site = await serve(application(handler))
    async with site.client.get(site.url + "/") as response:
        assert response.status == 410


async def test_atomic_needs_a_request():
    @longshore.atomic
    async def handler(request):
        pass

    with pytest.raises(TypeError, match="no request"):
        await handler("not a request")
    assert handler.__name__ == "handler"


async def test_shutdown_lets_running_jobs_finish(serve):
    go, finished = asyncio.Event(), []

    async def work():
        await go.wait()
        finished.append(1)

    async def handler(request):
        await longshore.spawn(request, work())
        return web.Response(text="accepted")

    async def down(app):
        shutdown.set()

    shutdown = asyncio.Event()
    app = application(handler)
    app.on_shutdown.append(down)
    site = await serve(app)
    await site.text("/")
    stopping = asyncio.create_task(site.stop())
    await asyncio.wait_for(shutdown.wait(), 5)
    go.set()
    await stopping
    assert finished == [1]


async def test_shutdown_cancels_what_takes_longer_than_told(serve):
    steps = Steps()

    async def handler(request):
        await longshore.spawn(request, steps.walk())
        return web.Response(text="accepted")

    site = await serve(application(handler, wait_timeout=0.01))
    await site.text("/")
    await site.stop()
    assert steps.left.is_set()


async def test_jobs_may_use_at_shutdown_what_was_set_up_before(serve):
    order = []
    go = asyncio.Event()

    async def resource(app):
        yield
        order.append("resource closed")

    async def work():
        await go.wait()
        order.append("job finished")

    async def handler(request):
        await longshore.spawn(request, work())
        return web.Response(text="accepted")

    app = web.Application()
    app.router.add_get("/", handler)
    app.cleanup_ctx.append(resource)
    longshore.setup(app)
    site = await serve(app)
    await site.text("/")
    stopping = asyncio.create_task(site.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert order == ["job finished", "resource closed"]
