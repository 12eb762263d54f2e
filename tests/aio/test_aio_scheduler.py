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


async def test_pending_jobs_start_in_the_order_they_came(make_scheduler):
    scheduler = make_scheduler(limit=1)
    order = []

    async def note(number):
        order.append(number)

    for number in range(5):
        await scheduler.spawn(note(number))
    await scheduler.join()
    assert order == [0, 1, 2, 3, 4]


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


async def test_spawn_waits_while_the_pending_are_full(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    await scheduler.spawn(quick())
    third = asyncio.create_task(scheduler.spawn(quick(3)))
    await turns()
    assert not third.done()
    assert (scheduler.active_count, scheduler.pending_count, scheduler.snapshot().blocked) == (1, 1, 1)
    go.set()
    assert await (await third).wait() == 3


async def test_pending_limit_zero_is_no_bound(make_scheduler):
    scheduler = make_scheduler(limit=1, pending_limit=0)
    for _ in range(20000):
        await scheduler.spawn(quick())
    assert scheduler.pending_count == 19999
    await scheduler.join()


async def test_two_hundred_spawns_at_limit_ten_and_pending_hundred_all_finish(make_scheduler, turns):
    scheduler = make_scheduler(limit=10, pending_limit=100)
    finished = []

    async def work(number):
        await turns(2)
        finished.append(number)

    spawns = [asyncio.create_task(scheduler.spawn(work(number))) for number in range(200)]
    async with asyncio.timeout(10):
        await asyncio.gather(*spawns)
        await scheduler.join()
    assert finished == list(range(200))
    assert scheduler.active_count == 0


async def test_blocked_spawns_are_not_counted_and_keep_their_turn(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    go, order = asyncio.Event(), []

    async def note(number):
        order.append(number)

    await scheduler.spawn(go.wait())
    await scheduler.spawn(note(0))
    waiting = [asyncio.create_task(scheduler.spawn(note(number))) for number in (1, 2, 3)]
    await turns()
    assert (scheduler.active_count, scheduler.pending_count, len(scheduler)) == (1, 1, 2)
    go.set()
    await asyncio.gather(*waiting)
    await scheduler.join()
    assert order == [0, 1, 2, 3]


async def test_spawn_nowait_starts_lines_up_or_refuses(make_scheduler):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    assert scheduler.free_count == 1
    assert scheduler.spawn_nowait(blocked()).active
    assert scheduler.free_count == 0
    assert scheduler.spawn_nowait(blocked()).pending
    refused = quick()
    with pytest.raises(SchedulerFull, match="1 jobs running and 1 pending; quick not taken"):
        scheduler.spawn_nowait(refused)
    assert refused.cr_frame is None, "the coroutine is closed"
    assert scheduler.counters.refused == 1


async def test_cancelling_a_waiting_spawn_leaks_nothing(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    await scheduler.spawn(quick())
    coro = quick("never")
    waiting = asyncio.create_task(scheduler.spawn(coro))
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert coro.cr_frame is None, "the coroutine is closed"
    assert scheduler.snapshot().blocked == 0
    assert len(scheduler) == 2
    go.set()
    await scheduler.join()
    assert scheduler.counters.spawned == 2


async def test_cancelling_a_waiting_spawn_as_room_comes_leaks_nothing(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    ran = []

    async def note():
        ran.append(1)

    await scheduler.spawn(blocked())
    last = await scheduler.spawn(blocked())
    waiting = asyncio.create_task(scheduler.spawn(note()))
    await turns()
    last.cancel()  # room comes, and in the same turn of the loop the spawn is cancelled
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(scheduler) == 1
    assert not ran
    assert await asyncio.wait_for(scheduler.spawn(quick()), 1), "the room is free again"


async def test_room_that_comes_after_the_cancellation_goes_to_the_next(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    await scheduler.spawn(blocked())
    last = await scheduler.spawn(blocked())
    coro = quick("never")
    gone = asyncio.create_task(scheduler.spawn(coro))
    next_one = asyncio.create_task(scheduler.spawn(quick("next")))
    await turns()
    gone.cancel()  # it has not run again when room comes
    last.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert coro.cr_frame is None
    assert (await next_one).pending
    assert scheduler.pending_count == 1


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
