"""Jobs that wait for a slot, and spawns that wait for room among them."""

import asyncio

import pytest

from longshore.aio import SchedulerFull


async def quick(value=None):
    return value


async def blocked():
    await asyncio.Event().wait()


async def test_pending_jobs_start_in_the_order_they_came(make_scheduler):
    scheduler = make_scheduler(limit=1)
    order = []

    async def note(number):
        order.append(number)

    for number in range(5):
        await scheduler.spawn(note(number))
    await scheduler.join()
    assert order == [0, 1, 2, 3, 4]


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
