"""Errors nobody awaited are reported exactly once; errors somebody got are not."""

import asyncio
import logging
from traceback import StackSummary

import pytest

from longshore.aio import Scheduler


async def fail(error=None):
    raise error or ValueError("broken")


async def test_an_error_nobody_awaited_is_reported_once(scheduler, reports, turns):
    job = await scheduler.spawn(fail())
    await turns()
    assert len(reports) == 1
    assert set(reports[0]) == {"message", "job", "exception"}
    assert reports[0]["message"] == "Job processing failed"
    assert reports[0]["job"] is job
    assert isinstance(reports[0]["exception"], ValueError)
    with pytest.raises(ValueError):
        await job.wait()
    await scheduler.close()
    assert len(reports) == 1


async def test_debug_mode_adds_where_the_job_was_spawned(make_scheduler, reports, turns):
    asyncio.get_running_loop().set_debug(True)
    scheduler = make_scheduler()
    await scheduler.spawn(fail())
    scheduler.spawn_nowait(fail())
    await turns()
    for context in reports:
        trace = context["source_traceback"]
        assert isinstance(trace, StackSummary)
        assert trace[-1].name == "test_debug_mode_adds_where_the_job_was_spawned"
        assert trace[-1].filename == __file__


async def test_the_waiter_that_was_cancelled_did_not_hear_the_error(scheduler, reports, turns):
    """A client that leaves cancels the handler that waits; the job fails later, and that must not be lost."""
    go = asyncio.Event()

    async def work():
        await go.wait()
        raise ValueError("broken")

    job = await scheduler.spawn(work())
    waiter = asyncio.create_task(job.wait())
    await turns()
    waiter.cancel()
    await turns()
    go.set()
    await turns()
    assert [type(error) for error in reports.errors] == [ValueError]


async def test_a_waiter_cancelled_in_the_very_turn_the_job_failed_did_not_hear_it(scheduler, reports, turns):
    waiter = None

    async def work():
        await asyncio.sleep(0)
        # Cancelled once the outcome is known, before the waiter runs again.
        asyncio.get_running_loop().call_soon(lambda: waiter.cancel())
        raise ValueError("broken")

    job = await scheduler.spawn(work())
    waiter = asyncio.create_task(job.wait())
    await turns()
    assert waiter.done()
    heard = not waiter.cancelled()
    assert len(reports) == (0 if heard else 1)
    if heard:
        assert isinstance(waiter.exception(), ValueError)


async def test_of_two_waiters_one_who_hears_is_enough(scheduler, reports, turns):
    go = asyncio.Event()

    async def work():
        await go.wait()
        raise ValueError("broken")

    job = await scheduler.spawn(work())
    gone, there = asyncio.create_task(job.wait()), asyncio.create_task(job.wait())
    await turns()
    gone.cancel()
    go.set()
    with pytest.raises(ValueError):
        await there
    assert reports == []


async def test_cancellation_is_no_error(scheduler, reports, turns):
    job = await scheduler.spawn(asyncio.Event().wait())
    await turns()
    job.cancel()
    await turns()
    assert job.closed
    assert reports == []


async def test_the_loops_handler_is_the_default(turns):
    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))
    async with Scheduler() as scheduler:
        await scheduler.spawn(fail())
    assert [context["message"] for context in seen] == ["Job processing failed"]


def test_call_exception_handler_works_without_a_loop(caplog):
    scheduler = Scheduler()
    scheduler.call_exception_handler({"message": "early", "exception": ValueError("broken")})
    assert [(record.name, record.message) for record in caplog.records] == [("longshore.aio", "early")]


def test_call_exception_handler_works_when_the_loop_is_not_running(caplog):
    scheduler = Scheduler()

    async def main():
        await (await scheduler.spawn(asyncio.sleep(0))).wait()

    asyncio.run(main())
    scheduler.call_exception_handler({"message": "late"})
    assert "late" in caplog.text


async def test_a_broken_handler_stops_nothing(make_scheduler, caplog):
    def broken(scheduler, context):
        raise OSError("no disk")

    scheduler = make_scheduler(limit=1, exception_handler=broken)
    await scheduler.spawn(fail())
    after = await scheduler.spawn(asyncio.sleep(0, "after"))
    with caplog.at_level(logging.ERROR, logger="longshore.aio"):
        assert await after.wait() == "after"
    assert "the exception handler failed" in caplog.text
    assert scheduler.active_count == 0


async def test_a_job_given_up_that_fails_later_is_reported(scheduler, stubborn, reports, turns):
    job = await scheduler.spawn(stubborn(error=OSError("late")))
    with pytest.raises(TimeoutError):
        await job.wait(timeout=0)
    assert reports == []
    stubborn.released.set()
    await turns()
    assert [type(error) for error in reports.errors] == [OSError]
    assert scheduler.active_count == 0


async def test_no_task_complains_of_its_own(turns):
    """Python's own "Task exception was never retrieved" must not come on top of the report."""
    import gc

    seen = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context["message"]))
    async with Scheduler(exception_handler=lambda *_: None) as scheduler:
        await scheduler.spawn(fail())
    gc.collect()
    await turns()
    assert seen == []
