"""Waiting for one job, and stopping it."""

import asyncio
import contextlib
import gc
import weakref

import pytest


async def quick(value=None):
    return value


async def fail():
    raise ValueError("broken")


async def blocked():
    await asyncio.Event().wait()


async def test_wait_gives_the_value_each_time(scheduler):
    job = await scheduler.spawn(quick(5))
    assert await job.wait() == 5
    assert await job.wait() == 5
    assert job.result() == 5
    assert job.exception() is None


async def test_wait_raises_the_error_each_time_and_it_is_not_reported(scheduler, reports):
    job = await scheduler.spawn(fail())
    depths = set()
    for _ in range(3):
        with pytest.raises(ValueError, match="broken") as caught:
            await job.wait()
        depths.add(len(caught.traceback))
    assert len(depths) == 1, "the traceback does not grow with each wait"
    assert reports == []


async def test_result_before_the_end_is_an_invalid_state(scheduler):
    job = await scheduler.spawn(blocked())
    for read in (job.result, job.exception):
        with pytest.raises(asyncio.InvalidStateError):
            read()


async def test_wait_works_on_a_pending_job(make_scheduler):
    scheduler = make_scheduler(limit=1)
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    pending = await scheduler.spawn(quick(3))
    waiter = asyncio.create_task(pending.wait())
    go.set()
    assert await waiter == 3


async def test_several_may_wait_for_one_job(scheduler):
    go = asyncio.Event()
    job = await scheduler.spawn(go.wait())
    waiters = [asyncio.create_task(job.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiters) == [True, True, True]


async def test_cancelling_the_waiter_leaves_the_job_alone(scheduler, turns):
    go = asyncio.Event()
    job = await scheduler.spawn(go.wait())
    waiter = asyncio.create_task(job.wait())
    await turns()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert job.active
    go.set()
    assert await job.wait() is True


async def test_waiters_that_have_gone_are_forgotten(scheduler, turns):
    job = await scheduler.spawn(blocked())
    waiters = [asyncio.create_task(job.wait()) for _ in range(10)]
    await turns()
    for waiter in waiters:
        waiter.cancel()
    await turns()
    assert job._watchers == []


async def test_wait_over_time_closes_the_job(scheduler):
    job = await scheduler.spawn(blocked(), "slow one")
    with pytest.raises(asyncio.TimeoutError, match=r"slow one did not finish within 0.01 s"):
        await job.wait(timeout=0.01)
    assert job.closed
    with pytest.raises(asyncio.CancelledError):
        await job.wait()


async def test_wait_over_time_on_a_pending_job(make_scheduler):
    scheduler = make_scheduler(limit=1)
    await scheduler.spawn(blocked())
    coro = blocked()
    job = await scheduler.spawn(coro)
    with pytest.raises(TimeoutError):
        await job.wait(timeout=0)
    assert job.closed
    assert coro.cr_frame is None
    assert scheduler.pending_count == 0


async def test_wait_is_bounded_though_the_job_swallows_cancellation(scheduler, stubborn):
    job = await scheduler.spawn(stubborn())
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError, match=r"did not finish within 0.01 s"):
            await job.wait(timeout=0.01)
    assert stubborn.swallowed == 1
    assert job.closed
    assert scheduler.active_count == 1, "its slot is still taken: it still runs"
    with pytest.raises(TimeoutError):
        await job.wait()
    stubborn.released.set()
    await scheduler.join()
    with pytest.raises(TimeoutError):
        await job.wait()


async def test_an_error_during_the_stop_is_the_cause_of_the_time_out(scheduler, reports):
    async def breaks_when_stopped():
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("clean-up failed")

    job = await scheduler.spawn(breaks_when_stopped())
    with pytest.raises(TimeoutError) as caught:
        await job.wait(timeout=0.01)
    assert isinstance(caught.value.__cause__, OSError)
    assert reports == []


async def test_close_cancels_and_waits(scheduler):
    cleaned = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(1)

    job = await scheduler.spawn(work())
    await asyncio.sleep(0)
    assert await job.close() is None
    assert job.closed
    assert cleaned == [1]
    assert await job.close() is None
    with pytest.raises(asyncio.CancelledError):
        await job.wait()


async def test_closing_before_the_first_line_runs_none(scheduler):
    ran = []

    async def work():
        ran.append(1)

    coro = work()
    job = await scheduler.spawn(coro)
    assert job.active
    await job.close()
    assert ran == []
    assert coro.cr_frame is None
    assert scheduler.active_count == 0


async def test_a_task_cancelled_from_outside_before_its_first_line_frees_its_slot(scheduler, turns):
    coro = quick()
    job = await scheduler.spawn(coro)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await turns()
    assert job.closed
    assert scheduler.active_count == 0
    assert coro.cr_frame is None


async def test_close_on_a_pending_job_never_starts_it(make_scheduler):
    scheduler = make_scheduler(limit=1)
    await scheduler.spawn(blocked())
    coro = quick()
    job = await scheduler.spawn(coro)
    await job.close()
    assert job.closed
    assert coro.cr_frame is None
    assert len(scheduler) == 1


async def test_close_raises_the_jobs_own_error_and_it_is_not_reported(scheduler, reports):
    async def breaks_when_stopped():
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("clean-up failed")

    job = await scheduler.spawn(breaks_when_stopped())
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="clean-up failed"):
        await job.close()
    await job.close()
    assert reports == []


async def test_close_over_time(scheduler, stubborn, reports):
    job = await scheduler.spawn(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    with pytest.raises(asyncio.TimeoutError, match=r"stubborn did not stop within 0.02 s"):
        await job.close(timeout=0.02)
    assert job.closed
    await job.close()
    assert reports == []


async def test_close_takes_the_schedulers_close_timeout(scheduler, stubborn):
    job = await scheduler.spawn(stubborn())
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError, match=r"within 0.01 s"):
        await job.close()


async def test_close_does_not_swallow_its_callers_cancellation(make_scheduler, stubborn, turns):
    scheduler = make_scheduler(close_timeout=30)
    job = await scheduler.spawn(stubborn())
    await turns()
    closer = asyncio.create_task(job.close())
    await turns()
    closer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closer
    stubborn.released.set()
    await scheduler.join()


async def test_a_second_close_does_not_break_into_the_clean_up(make_scheduler, turns):
    scheduler = make_scheduler(close_timeout=30)
    go = asyncio.Event()

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await go.wait()
            cleaned.append(1)

    cleaned = []
    job = await scheduler.spawn(work())
    await turns()
    closers = [asyncio.create_task(job.close()) for _ in range(2)]
    await turns()
    closing = asyncio.create_task(scheduler.close())
    await turns()
    go.set()
    await asyncio.gather(*closers, closing)
    assert cleaned == [1]


async def test_a_job_cannot_wait_for_itself_or_close_itself(scheduler):
    handle = asyncio.get_running_loop().create_future()

    async def work():
        job = await handle
        for call in (job.wait, job.close):
            with pytest.raises(RuntimeError, match=r"cannot (wait for|close) itself"):
                await call()
        return "detected"

    job = await scheduler.spawn(work())
    handle.set_result(job)
    assert await job.wait() == "detected"


async def test_cancel_does_not_wait(make_scheduler):
    scheduler = make_scheduler(limit=1)
    active, pending = await scheduler.spawn(blocked()), await scheduler.spawn(blocked())
    assert pending.cancel()
    assert pending.closed
    assert active.cancel("enough")
    assert not active.closed
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await active.wait()
    assert not active.cancel()


async def test_cancelling_many_pending_jobs_keeps_the_order_of_the_rest(make_scheduler):
    scheduler = make_scheduler(limit=1, pending_limit=0)
    order = []

    async def note(number):
        order.append(number)

    jobs = [await scheduler.spawn(note(number)) for number in range(100)]
    for number, job in enumerate(jobs):
        if number % 10:
            job.cancel()
    assert scheduler.pending_count == 9
    await scheduler.join()
    assert order == list(range(0, 100, 10))


async def test_names(make_scheduler):
    scheduler = make_scheduler(limit=1)
    named, unnamed = await scheduler.spawn(blocked(), name="first"), await scheduler.spawn(blocked())
    assert named.get_name() == named.name == "first"
    assert named._task.get_name() == "first"
    named.set_name("renamed")
    assert named._task.get_name() == named.get_name() == "renamed"
    assert unnamed.get_name() is None
    assert unnamed.name == "blocked"
    await named.close()
    assert unnamed.get_name().startswith("Task-")
    positional = await scheduler.spawn(blocked(), "third")
    assert positional.get_name() == "third"


async def test_repr(make_scheduler):
    scheduler = make_scheduler(limit=1)
    active, pending = await scheduler.spawn(blocked()), await scheduler.spawn(blocked())
    assert repr(active).startswith("<Job coro=<<coroutine object blocked at")
    assert repr(pending).startswith("<Job pending coro=<")
    await scheduler.close()
    assert repr(active).startswith("<Job closed coro=<")


async def test_a_failed_job_is_freed_without_the_garbage_collector(scheduler):
    gc.disable()
    try:
        job = await scheduler.spawn(fail())
        with contextlib.suppress(ValueError):  # not pytest.raises, which keeps the error
            await job.wait()
        gone = weakref.ref(job)
        del job
        assert gone() is None
    finally:
        gc.enable()


def test_keyboard_interrupt_goes_on_through_the_loop():
    from longshore.aio import Scheduler

    async def interrupt():
        raise KeyboardInterrupt

    async def main():
        async with Scheduler() as scheduler:
            job = await scheduler.spawn(interrupt())
            await job.wait()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
