"""Closing, waiting and closing, draining: bounded, and final."""

import asyncio

import pytest

from longshore.aio import Scheduler, SchedulerClosed


async def quick(value=None):
    return value


async def blocked():
    await asyncio.Event().wait()


async def test_close_stops_everything(make_scheduler, reports):
    scheduler = make_scheduler(limit=1)
    ran = []

    async def note():
        ran.append(1)

    active = await scheduler.spawn(blocked())
    coros = [note() for _ in range(5)]
    pending = [await scheduler.spawn(coro) for coro in coros]
    assert await scheduler.close() is None
    assert scheduler.closed
    assert active.closed
    assert all(job.closed for job in pending)
    assert ran == []
    assert all(coro.cr_frame is None for coro in coros)
    assert len(scheduler) == scheduler.active_count == scheduler.pending_count == 0
    assert reports == []
    await scheduler.close()


async def test_close_of_one_never_used():
    scheduler = Scheduler()
    await scheduler.close()
    assert scheduler.closed


async def test_a_spawn_that_waits_when_it_closes_raises_and_its_coroutine_is_closed(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    await scheduler.spawn(blocked())
    await scheduler.spawn(blocked())
    coro = quick()
    waiting = asyncio.create_task(scheduler.spawn(coro))
    await turns()
    await scheduler.close()
    with pytest.raises(SchedulerClosed, match="was closed while quick waited for room"):
        await waiting
    assert coro.cr_frame is None
    assert len(scheduler) == 0


async def test_jobs_that_overrun_are_reported_not_raised(scheduler, stubborn, reports):
    jobs = [await scheduler.spawn(stubborn()) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await scheduler.close()
    assert [context["message"] for context in reports] == ["Job closing timed out"] * 3
    assert {context["job"] for context in reports} == set(jobs)
    assert all(isinstance(error, TimeoutError) for error in reports.errors)
    assert len(scheduler) == scheduler.active_count == 0
    assert all(job.closed for job in jobs)


async def test_errors_while_closing_are_reported(scheduler, reports):
    async def breaks_when_stopped():
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("clean-up failed")

    await scheduler.spawn(breaks_when_stopped())
    await asyncio.sleep(0)
    await scheduler.close()
    assert [(context["message"], str(context["exception"])) for context in reports] == [
        ("Job processing failed", "clean-up failed")
    ]


async def test_close_timeout_none_waits_as_long_as_it_takes(make_scheduler, stubborn, turns):
    scheduler = make_scheduler(close_timeout=None)
    await scheduler.spawn(stubborn())
    await turns()
    closing = asyncio.create_task(scheduler.close())
    await turns()
    assert not closing.done()
    stubborn.released.set()
    await closing


async def test_closing_from_inside_a_job_is_detected(make_scheduler):
    scheduler = make_scheduler()

    async def inside():
        for call in (scheduler.close, scheduler.wait_and_close, scheduler.join, scheduler.drain):
            with pytest.raises(RuntimeError, match=r"a job cannot .* the scheduler it runs in"):
                await call()
        return "detected"

    job = await scheduler.spawn(inside())
    assert await job.wait() == "detected"
    assert not scheduler.closed


async def test_closing_twice_at_once_reports_once(scheduler, stubborn, reports):
    await scheduler.spawn(stubborn())
    await asyncio.sleep(0)
    await asyncio.gather(scheduler.close(), scheduler.close())
    assert len(reports) == 1


async def test_a_cancelled_close_may_be_called_again(make_scheduler, stubborn, turns):
    scheduler = make_scheduler(close_timeout=30)
    await scheduler.spawn(stubborn())
    await turns()
    closing = asyncio.create_task(scheduler.close())
    await turns()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    again = asyncio.create_task(scheduler.close())
    await turns()
    assert not again.done()
    stubborn.released.set()
    await again


async def test_wait_and_close_lets_jobs_finish_and_takes_their_follow_ups(make_scheduler):
    scheduler = make_scheduler(limit=1)
    finished = []

    async def work(number):
        await asyncio.sleep(0)
        finished.append(number)
        if number < 3:
            await scheduler.spawn(work(number + 1))

    await scheduler.spawn(work(0))
    await scheduler.wait_and_close()
    assert finished == [0, 1, 2, 3]
    assert scheduler.closed


async def test_a_follow_up_spawned_by_a_waiter_is_waited_for_too(scheduler):
    finished = []

    async def follow():
        await first.wait()
        await scheduler.spawn(second())

    async def second():
        await asyncio.sleep(0)
        finished.append(2)

    go = asyncio.Event()
    first = await scheduler.spawn(go.wait())
    follower = asyncio.create_task(follow())
    await asyncio.sleep(0)
    closing = asyncio.create_task(scheduler.wait_and_close())
    await asyncio.sleep(0)
    go.set()
    await closing
    await follower
    assert finished == [2]


@pytest.mark.parametrize("options", [{"wait_timeout": 0.01}, {"wait_timeout": 30, "timeout": 0.01}])
async def test_wait_and_close_waits_no_longer_than_told(make_scheduler, options):
    timeout = options.pop("timeout", None)
    scheduler = make_scheduler(**options)
    job = await scheduler.spawn(blocked())
    async with asyncio.timeout(5):
        await scheduler.wait_and_close(timeout)
    assert job.closed
    assert scheduler.closed


async def test_wait_and_close_does_not_count_as_awaiting(scheduler, reports):
    async def fail():
        raise ValueError

    await scheduler.spawn(fail())
    await scheduler.wait_and_close()
    assert len(reports) == 1


async def test_wait_and_close_that_is_cancelled_closes_before_it_goes(scheduler, turns):
    job = await scheduler.spawn(blocked())
    waiting = asyncio.create_task(scheduler.wait_and_close())
    await turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert job.closed
    assert scheduler.closed


async def test_async_with_waits_and_closes():
    finished = []

    async def work():
        await asyncio.sleep(0)
        finished.append(1)

    async with Scheduler() as scheduler:
        await scheduler.spawn(work())
    assert finished == [1]
    assert scheduler.closed


async def test_join_waits_and_closes_nothing(scheduler, turns):
    assert await scheduler.join()
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    assert not await scheduler.join(0)
    joining = asyncio.create_task(scheduler.join(30))
    await turns()
    assert not joining.done()
    go.set()
    assert await joining
    assert not scheduler.closed


async def test_join_ends_when_the_last_pending_jobs_are_withdrawn(make_scheduler, turns):
    scheduler = make_scheduler(limit=1)
    active, pending = await scheduler.spawn(blocked()), await scheduler.spawn(blocked())
    joining = asyncio.create_task(scheduler.join())
    await turns()
    active.cancel()
    pending.cancel()
    assert await joining


async def test_drain_takes_no_more_and_lets_the_accepted_finish(make_scheduler, turns):
    scheduler = make_scheduler(limit=1, pending_limit=1)
    go = asyncio.Event()
    jobs = [await scheduler.spawn(go.wait()), await scheduler.spawn(quick("pending"))]
    blocked_coro = quick()
    waiting = asyncio.create_task(scheduler.spawn(blocked_coro))
    await turns()
    draining = asyncio.create_task(scheduler.drain(30))
    await turns()
    assert scheduler.snapshot().state == "draining"
    assert not scheduler.closed
    for refused in (waiting, scheduler.spawn(quick())):
        with pytest.raises(SchedulerClosed, match="draining"):
            await refused
    go.set()
    assert await draining == ()
    assert [job.result() for job in jobs] == [True, "pending"]
    assert scheduler.closed


async def test_drain_has_a_deadline_and_tells_what_was_cut_off(scheduler, stubborn):
    await scheduler.spawn(blocked(), name="slow")
    await scheduler.spawn(stubborn(), name="stubborn")
    async with asyncio.timeout(5):
        left = await scheduler.drain(0.01)
    assert [job.name for job in left] == ["slow", "stubborn"]
    assert scheduler.closed
    assert len(scheduler) == 0


async def test_close_ends_a_drain_early(scheduler, turns):
    await scheduler.spawn(blocked())
    draining = asyncio.create_task(scheduler.drain())
    await turns()
    await scheduler.close()
    assert await draining == ()


async def test_nothing_spins(make_scheduler, stubborn):
    """While it waits, for jobs or for one that will not stop, the loop has nothing to do."""
    scheduler = make_scheduler(limit=1, pending_limit=1, close_timeout=0.05)
    await scheduler.spawn(stubborn())
    await scheduler.spawn(blocked())
    waiting = asyncio.create_task(scheduler.spawn(blocked()))
    closing = asyncio.create_task(scheduler.wait_and_close(0.05))
    loop = asyncio.get_running_loop()
    rounds = 0
    select = loop._selector.select

    def counted(timeout):
        nonlocal rounds
        rounds += 1
        return select(timeout)

    loop._selector.select = counted
    try:
        await closing
    finally:
        del loop._selector.select
    assert rounds < 20
    with pytest.raises(SchedulerClosed):
        await waiting
