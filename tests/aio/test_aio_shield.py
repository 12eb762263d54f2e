"""Shielded work goes on when its waiter goes, and is neither lost nor left behind."""

import asyncio

import pytest

from longshore.aio import SchedulerClosed


async def test_it_gives_the_outcome(scheduler):
    async def fail():
        raise ValueError("broken")

    assert await scheduler.shield(asyncio.sleep(0, 5)) == 5
    with pytest.raises(ValueError, match="broken"):
        await scheduler.shield(fail())
    done = asyncio.get_running_loop().create_future()
    done.set_result(1)
    assert scheduler.shield(done) is done


async def test_the_waiter_goes_and_the_work_goes_on(scheduler, turns):
    go, finished = asyncio.Event(), []

    async def work():
        await go.wait()
        finished.append(1)

    async def handler():
        await scheduler.shield(work())

    waiter = asyncio.create_task(handler())
    await turns()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    closing = asyncio.create_task(scheduler.wait_and_close())
    await turns()
    assert not closing.done()
    go.set()
    await closing
    assert finished == [1]


async def test_it_takes_no_slot(make_scheduler):
    scheduler = make_scheduler(limit=1)
    await scheduler.spawn(asyncio.Event().wait())
    assert await scheduler.shield(asyncio.sleep(0, 1)) == 1
    assert len(scheduler) == 1


async def test_an_error_its_waiter_did_not_hear_is_reported_once(scheduler, reports, turns):
    async def fail():
        await asyncio.sleep(0)
        raise ValueError("broken")

    scheduler.shield(fail()).cancel()
    await scheduler.join()
    assert [(context["message"], str(context["exception"])) for context in reports] == [
        ("Shielded work failed", "broken")
    ]


async def test_close_cancels_it(scheduler, turns):
    inner = asyncio.create_task(asyncio.Event().wait())
    outer = scheduler.shield(inner)
    await scheduler.close()
    assert inner.cancelled()
    await turns()
    assert outer.cancelled()


async def test_close_is_bounded_though_it_swallows_cancellation(scheduler, stubborn):
    outer = scheduler.shield(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await scheduler.close()
    stubborn.released.set()
    assert await outer == "late"


async def test_a_closed_scheduler_shields_nothing(scheduler):
    await scheduler.close()
    coro = asyncio.sleep(0)
    with pytest.raises(SchedulerClosed):
        scheduler.shield(coro)
    assert coro.cr_frame is None
