"""`map` and `as_completed`: bounded, ordered or not, and nothing left behind."""

import asyncio
from contextlib import aclosing

import pytest

from longshore.aio import SchedulerClosed


async def square(number):
    await asyncio.sleep(0)
    return number * number


async def count(number):
    for value in range(number):
        await asyncio.sleep(0)
        yield value


@pytest.mark.parametrize("items", [range(50), count(50)], ids=["iterable", "async iterable"])
async def test_map_gives_results_in_order(make_scheduler, items):
    scheduler = make_scheduler(limit=3)
    assert [result async for result in scheduler.map(square, items)] == [n * n for n in range(50)]


async def test_map_keeps_the_order_though_the_first_is_slowest(make_scheduler):
    scheduler = make_scheduler(limit=5)
    last = asyncio.Event()

    async def work(number):
        if number == 4:
            last.set()
        await last.wait()
        return number

    assert [result async for result in scheduler.map(work, range(5))] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("limit", [3, None])
async def test_map_takes_no_more_than_its_window(make_scheduler, limit, turns):
    scheduler = make_scheduler(limit=limit)
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    async with aclosing(scheduler.map(square, items(), window=7)) as results:
        async for result in results:
            await turns(20)
            assert len(taken) <= 8 + result**0.5


async def test_map_raises_the_first_error_in_its_turn_and_cancels_the_rest(make_scheduler, reports):
    scheduler = make_scheduler(limit=10)
    given, cancelled = [], []

    async def work(number):
        if number == 2:
            raise ValueError(number)
        if number > 2:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(number)
        return number

    async def read():
        async for result in scheduler.map(work, range(6)):
            given.append(result)

    with pytest.raises(ValueError, match="2"):
        await read()
    assert given == [0, 1]
    assert cancelled == [3, 4, 5]
    assert len(scheduler) == 0
    assert reports == []


async def test_a_failing_source_is_raised_after_the_results(scheduler):
    def items():
        yield 1
        yield 2
        raise OSError("no more")

    given = []

    async def read():
        async for result in scheduler.map(square, items()):
            given.append(result)

    with pytest.raises(OSError, match="no more"):
        await read()
    assert given == [1, 4]


async def test_leaving_early_closes_the_source(scheduler, turns):
    closed = []

    async def items():
        try:
            for number in range(1000):
                yield number
        finally:
            closed.append(1)

    async with aclosing(scheduler.map(square, items(), window=2)) as results:
        async for _ in results:
            break
    assert closed == [1]
    assert len(scheduler) == 0


async def test_as_completed_gives_the_first_to_end_first(scheduler):
    first = asyncio.Event()

    async def slow():
        await first.wait()
        return "slow"

    async def fast():
        first.set()
        return "fast"

    jobs = scheduler.as_completed(make() for make in (slow, fast))
    assert [job.result() async for job in jobs] == ["fast", "slow"]


async def test_as_completed_leaves_errors_to_the_taker(scheduler, reports):
    async def fail():
        raise ValueError("broken")

    [job] = [job async for job in scheduler.as_completed([fail()])]
    assert isinstance(job.exception(), ValueError)
    assert reports == []


async def test_a_slow_source_does_not_hold_back_what_is_ready(scheduler):
    taken = asyncio.Event()

    async def coros():
        yield square(2)
        await taken.wait()
        yield square(3)

    results = []
    async for job in scheduler.as_completed(coros()):
        results.append(job.result())
        taken.set()
    assert results == [4, 9]


async def test_leaving_early_leaves_nothing_behind(make_scheduler, turns):
    scheduler = make_scheduler(limit=2, pending_limit=1)
    coros = [square(number) for number in range(50)]
    async with aclosing(scheduler.as_completed(coros, window=10)) as jobs:
        async for _ in jobs:
            break
    assert all(coro.cr_frame is None for coro in coros)
    assert len(scheduler) == 0


async def test_failed_but_not_given_out_is_reported(make_scheduler, reports, turns):
    scheduler = make_scheduler()

    async def work(number):
        if number:
            raise ValueError(number)

    async with aclosing(scheduler.as_completed(work(number) for number in (0, 1))) as jobs:
        async for _ in jobs:
            await turns()
            break
    assert [str(error) for error in reports.errors] == ["1"]


async def test_cancelling_the_reader_cancels_the_jobs(scheduler, turns):
    async def read():
        return [job async for job in scheduler.as_completed([asyncio.Event().wait()])]

    reader = asyncio.create_task(read())
    await turns()
    assert len(scheduler) == 1
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert len(scheduler) == 0


async def test_each_job_has_its_timeout(scheduler):
    [job] = [job async for job in scheduler.as_completed([asyncio.Event().wait()], timeout=0.01)]
    assert isinstance(job.exception(), TimeoutError)
    with pytest.raises(TimeoutError):
        async for _ in scheduler.map(lambda event: event.wait(), [asyncio.Event()], timeout=0.01):
            pass


async def test_a_closed_scheduler_says_so(scheduler):
    await scheduler.close()
    with pytest.raises(SchedulerClosed):
        async for _ in scheduler.map(square, [1]):
            pass


async def test_a_window_below_one_is_refused(scheduler):
    with pytest.raises(ValueError, match="window"):
        scheduler.map(square, [], window=0)
