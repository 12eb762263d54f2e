"""A job's own timeout."""

import asyncio
import weakref

import pytest


async def blocked():
    await asyncio.Event().wait()


async def test_a_job_over_its_timeout_is_stopped_and_fails(scheduler):
    cleaned = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(1)

    job = await scheduler.spawn(work(), "slow", timeout=0.01)
    with pytest.raises(TimeoutError, match=r"slow exceeded its timeout of 0.01 s") as caught:
        await job.wait()
    assert cleaned == [1]
    assert isinstance(caught.value.__cause__, asyncio.CancelledError), "it shows where the job was"
    assert scheduler.counters.timed_out == 1
    assert scheduler.active_count == 0


async def test_unheard_it_is_reported_once(scheduler, reports):
    await scheduler.spawn(blocked(), timeout=0.01)
    await scheduler.join()
    assert [context["message"] for context in reports] == ["Job processing failed"]
    assert isinstance(reports.errors[0], TimeoutError)


async def test_the_time_in_line_does_not_count(make_scheduler, turns):
    scheduler = make_scheduler(limit=1)
    go = asyncio.Event()
    await scheduler.spawn(go.wait())
    job = await scheduler.spawn(asyncio.sleep(0, "in time"), timeout=30)
    assert not hasattr(job, "_deadline")
    go.set()
    assert await job.wait() == "in time"


async def test_a_job_in_time_is_not_kept_until_its_deadline(scheduler):
    job = await scheduler.spawn(asyncio.sleep(0, "in time"), timeout=30)
    assert await job.wait() == "in time"
    gone = weakref.ref(job)
    del job
    assert gone() is None


async def test_ended_jobs_deadlines_do_not_pile_up(scheduler):
    for _ in range(5000):
        await scheduler.spawn(asyncio.sleep(0), timeout=30)
        await scheduler.join()
    assert len(scheduler._slots.deadlines._heap) <= 64


async def test_the_earliest_deadline_comes_first_whatever_the_order_of_spawning(scheduler):
    long, short = await scheduler.spawn(blocked(), timeout=60), await scheduler.spawn(blocked(), timeout=0.01)
    with pytest.raises(TimeoutError):
        await short.wait()
    assert long.active
    later = await scheduler.spawn(blocked(), timeout=0.01)
    with pytest.raises(TimeoutError):
        await later.wait()
    assert long.active


async def test_a_timeout_does_not_break_into_the_clean_up_of_a_job_that_is_stopping(make_scheduler):
    scheduler = make_scheduler(close_timeout=30)
    go, cleaned = asyncio.Event(), []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await go.wait()
            cleaned.append(1)

    job = await scheduler.spawn(work(), timeout=0.01)
    await asyncio.sleep(0)
    job.cancel()
    probe = await scheduler.spawn(blocked(), timeout=0.02)
    with pytest.raises(TimeoutError):
        await probe.wait()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await job.wait()
    assert cleaned == [1]


async def test_it_is_bounded_though_the_job_swallows_cancellation(scheduler, stubborn):
    job = await scheduler.spawn(stubborn(), timeout=0.01)
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError, match="exceeded its timeout"):
            await job.wait()
    assert stubborn.swallowed == 1
    assert scheduler.active_count == 1, "its slot is still taken: it still runs"
    assert scheduler.snapshot().jobs[0].state == "stuck"
    stubborn.released.set()
    await scheduler.join()
    assert scheduler.counters.timed_out == 1


async def test_swallowed_and_unheard_it_is_reported_once(scheduler, stubborn, reports):
    await scheduler.spawn(stubborn(), timeout=0)
    reported = asyncio.Event()
    append = reports.append
    reports.append = lambda context: (append(context), reported.set())
    await asyncio.wait_for(reported.wait(), 5)
    stubborn.released.set()
    await scheduler.join()
    assert [context["message"] for context in reports] == ["Job closing timed out"]


async def test_what_the_job_still_returns_within_the_grace_counts(make_scheduler):
    scheduler = make_scheduler(close_timeout=30)

    async def finishes_anyway():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "half of it"

    job = await scheduler.spawn(finishes_anyway(), timeout=0.01)
    assert await job.wait() == "half of it"


async def test_a_time_out_of_the_jobs_own_making_is_a_failure(scheduler, reports):
    async def work():
        raise TimeoutError("the other side")

    await scheduler.spawn(work(), timeout=30)
    await scheduler.join()
    assert (scheduler.counters.failed, scheduler.counters.timed_out) == (1, 0)
    assert len(reports) == 1


async def test_inner_timeouts_and_groups_work_inside_a_timed_job(scheduler):
    async def work():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, "child"))
        return task.result()

    assert await (await scheduler.spawn(work(), timeout=30)).wait() == "child"
