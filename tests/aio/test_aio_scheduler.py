"""What the document says of the scheduler, and the readings of its contradictions."""

import asyncio
import math
import subprocess
import sys
import threading
from collections.abc import Collection

import pytest

from longshore.aio import Job, Scheduler, SchedulerClosed, SchedulerFull, create_scheduler


async def quick(value=None):
    return value


async def blocked():
    await asyncio.Event().wait()


async def test_defaults():
    scheduler = await create_scheduler()
    assert isinstance(scheduler, Scheduler)
    assert (scheduler.limit, scheduler.pending_limit, scheduler.close_timeout) == (100, 10000, 0.1)
    assert scheduler.exception_handler is None
    assert scheduler.wait_timeout == 60
    assert not scheduler.closed
    assert (scheduler.active_count, scheduler.pending_count, len(scheduler)) == (0, 0, 0)


async def test_create_scheduler_takes_keywords_only_and_passes_them_on():
    with pytest.raises(TypeError):
        await create_scheduler(0.1)
    handler = print
    scheduler = await create_scheduler(close_timeout=1, limit=2, pending_limit=3, exception_handler=handler)
    assert (scheduler.close_timeout, scheduler.limit, scheduler.pending_limit) == (1, 2, 3)
    assert scheduler.exception_handler is handler


def test_made_outside_a_running_loop_and_used_in_one():
    scheduler = Scheduler(limit=2)

    async def main():
        async with scheduler:
            return await (await scheduler.spawn(quick(7))).wait()

    assert asyncio.run(main()) == 7
    assert scheduler.closed


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": 0}, ValueError),
        ({"limit": -1}, ValueError),
        ({"limit": "x"}, TypeError),
        ({"limit": True}, TypeError),
        ({"pending_limit": -1}, ValueError),
        ({"pending_limit": None}, TypeError),
        ({"close_timeout": -0.1}, ValueError),
        ({"close_timeout": math.nan}, ValueError),
        ({"close_timeout": "1"}, TypeError),
        ({"wait_timeout": -1}, ValueError),
        ({"exception_handler": 5}, TypeError),
        ({"loop": None}, TypeError),
    ],
)
def test_arguments_that_would_fail_later_are_refused(options, error):
    with pytest.raises(error):
        Scheduler(**options)


async def test_it_is_the_collection_of_its_jobs_that_have_not_ended(make_scheduler):
    scheduler = make_scheduler(limit=1)
    active = await scheduler.spawn(blocked())
    pending = await scheduler.spawn(blocked())
    assert isinstance(scheduler, Collection)
    assert len(scheduler) == 2
    assert list(scheduler) == [active, pending]
    assert active in scheduler
    assert pending in scheduler
    assert "job" not in scheduler
    for job in scheduler:  # over a snapshot: closing while iterating is fine
        await job.close()
    assert len(scheduler) == 0
    assert active not in scheduler
    assert scheduler, "an empty scheduler is still true"


async def test_states_and_counts_at_limit_one(make_scheduler):
    scheduler = make_scheduler(limit=1)
    go = asyncio.Event()
    first, second = await scheduler.spawn(go.wait()), await scheduler.spawn(quick(2))
    assert (first.active, first.pending, first.closed) == (True, False, False)
    assert (second.active, second.pending, second.closed) == (False, True, False)
    assert (first.state, second.state) == ("active", "pending")
    assert (scheduler.active_count, scheduler.pending_count) == (1, 1)
    go.set()
    assert await second.wait() == 2
    assert (first.closed, second.closed, second.state) == (True, True, "closed")
    assert (scheduler.active_count, scheduler.pending_count) == (0, 0)


async def test_never_more_than_limit_at_a_time(make_scheduler, turns):
    scheduler = make_scheduler(limit=3)
    running = most = 0

    async def work():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await turns(3)
        running -= 1

    for _ in range(20):
        await scheduler.spawn(work())
    await scheduler.join()
    assert most == 3


async def test_without_a_limit_nothing_is_pending(make_scheduler):
    scheduler = make_scheduler(limit=None)
    for _ in range(500):
        await scheduler.spawn(blocked())
    assert (scheduler.active_count, scheduler.pending_count) == (500, 0)
    assert scheduler.free_count == math.inf


async def test_what_is_not_a_coroutine_is_refused_and_leaves_no_ghost(scheduler):
    for wrong in (quick, None, 5, asyncio.get_running_loop().create_future()):
        with pytest.raises(TypeError, match="a coroutine is needed"):
            await scheduler.spawn(wrong)
    assert len(scheduler) == 0


async def test_a_failing_task_factory_leaves_no_ghost(make_scheduler, reports, turns):
    scheduler = make_scheduler(limit=1)
    loop = asyncio.get_running_loop()
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    waiting = await scheduler.spawn(quick())

    def fail(loop, coro, **options):
        raise OSError("no task")

    loop.set_task_factory(fail)
    try:
        go.set()
        await turns()
        coro = quick()
        with pytest.raises(OSError, match="no task"):
            await scheduler.spawn(coro)
    finally:
        loop.set_task_factory(None)
    assert coro.cr_frame is None
    assert len(scheduler) == 0
    assert isinstance(waiting.exception(), OSError)
    assert [str(error) for error in reports.errors] == ["no task"]
    assert await (await scheduler.spawn(quick(1))) == 1


async def test_after_closing_spawn_raises_and_closes_the_coroutine(scheduler):
    await scheduler.close()
    for spawn in (scheduler.spawn, lambda coro: asyncio.sleep(0, scheduler.spawn_nowait(coro))):
        coro = quick()
        with pytest.raises(RuntimeError, match="is closed and takes no more jobs"):
            await spawn(coro)
        assert coro.cr_frame is None
    assert scheduler.free_count == 0
    assert issubclass(SchedulerClosed, RuntimeError)
    assert issubclass(SchedulerFull, RuntimeError)


def test_bound_to_the_loop_of_the_first_spawn():
    scheduler = Scheduler()
    coro = quick()

    async def use(coro):
        return await (await scheduler.spawn(coro)).wait()

    assert asyncio.run(use(quick(1))) == 1
    with pytest.raises(RuntimeError, match="bound to a different event loop"):
        asyncio.run(use(coro))
    assert coro.cr_frame is None


async def test_refused_from_another_thread(scheduler):
    job = await scheduler.spawn(blocked())
    raised = []

    def elsewhere():
        coro = quick()
        for call in (lambda: scheduler.spawn_nowait(coro), job.cancel):
            try:
                call()
            except RuntimeError as error:
                raised.append(error)
        coro.close()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(raised) == 2
    assert job.active


async def test_repr(make_scheduler):
    scheduler = make_scheduler(limit=1)
    await scheduler.spawn(blocked())
    assert repr(scheduler) == "<Scheduler jobs=1>"
    await scheduler.close()
    assert repr(scheduler) == "<Scheduler closed jobs=0>"


async def test_the_documents_example(make_scheduler, turns):
    """100 jobs whose lengths grow; half of them finished; close; no more spawning."""
    scheduler = make_scheduler()
    half = asyncio.Event()

    async def coro(number):
        if number >= 50:
            await asyncio.Event().wait()
        await half.wait()

    for number in range(100):
        await scheduler.spawn(coro(number))
    assert scheduler.active_count == 100
    half.set()
    await turns()
    assert scheduler.active_count == 50
    await scheduler.close()
    assert scheduler.closed
    assert len(scheduler) == 0
    with pytest.raises(RuntimeError):
        await scheduler.spawn(coro(1))


async def test_a_pending_job_sees_its_own_spawners_context(make_scheduler):
    """It is started at the end of another job, whose context variables are none of its business."""
    from contextvars import ContextVar

    who: ContextVar[str] = ContextVar("who", default="nobody")
    scheduler = make_scheduler(limit=1, pending_limit=1)

    async def see():
        seen = who.get()
        who.set("a job")
        return seen

    async def spawn_as(name):
        who.set(name)
        return await scheduler.spawn(see())

    jobs = await asyncio.gather(*(asyncio.create_task(spawn_as(name)) for name in "abcd"))
    assert [await job for job in jobs] == ["a", "b", "c", "d"]


async def test_jobs_are_generic_and_awaitable(scheduler):
    job: Job[int] = await scheduler.spawn(quick(5))
    assert await job == 5


def test_aio_stands_alone():
    """It imports nothing of the rest of the library, and nothing that is not Python's own."""
    code = (
        "import sys; before = set(sys.modules); import longshore.aio; "
        "print(*sorted(name for name in set(sys.modules) - before "
        "if name.split('.')[0] not in sys.stdlib_module_names and not name.startswith('longshore.aio')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["longshore"]


if hasattr(asyncio, "eager_task_factory"):

    async def test_an_eager_task_factory_neither_recurses_nor_loses_a_job(make_scheduler):
        scheduler = make_scheduler(limit=1, pending_limit=0)
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        go = asyncio.Event()
        await scheduler.spawn(go.wait())
        jobs = [await scheduler.spawn(quick(number)) for number in range(5000)]
        go.set()
        await scheduler.join()
        assert [job.result() for job in jobs] == list(range(5000))
        finished = await scheduler.spawn(quick(1), timeout=10)
        assert finished.closed
        assert scheduler.active_count == 0
