"""Coroutines share asyncio tasks one after the other; none of them can tell, and none is stopped in another's place."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest

from longshore import App, JobCancelled
from longshore.testing.waiting import until
from longshore.worker.ahead import Ahead

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="clean")


@pytest.fixture
def app() -> App:
    return App("memory://")


def test_what_one_sets_in_a_contextvar_no_other_sees(app: App) -> None:
    @app.task(name="mark")
    async def mark(wait: bool) -> list[str]:
        before = MARK.get()
        MARK.set("mine")
        if wait:
            await asyncio.sleep(0)
        return [before, MARK.get()]

    jobs = mark.enqueue_many([(number % 3 == 0,) for number in range(200)])
    with app.worker(concurrency=5):
        assert [job.result(10) for job in jobs] == [["clean", "mine"]] * 200


def test_many_small_ones_let_the_loop_go_on(app: App) -> None:
    @app.task(name="small")
    async def small() -> float:
        end = time.perf_counter() + 0.0005
        while time.perf_counter() < end:
            pass
        return time.monotonic()

    @app.task(name="ticking")
    async def ticking() -> list[float]:
        times = []
        for _ in range(20):
            await asyncio.sleep(0.002)
            times.append(time.monotonic())
        return times

    clock = ticking.using(priority=1).enqueue()
    jobs = small.enqueue_many([()] * 400)
    with app.worker(concurrency=10):
        ended = [job.result(20) for job in jobs]
        ticks = clock.result(20)
    assert ticks[-1] < max(ended), "the other had to wait for all the small ones"


def test_no_more_run_at_once_than_asked_for(app: App) -> None:
    running, most = 0, 0

    @app.task(name="held")
    async def held() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    jobs = held.enqueue_many([()] * 60)
    with app.worker(concurrency=7):
        for job in jobs:
            job.result(10)
    assert most == 7


def test_who_cancels_itself_cancels_nobody_else(app: App) -> None:
    @app.task(name="suicide")
    async def suicide() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "done"

    @app.task(name="after")
    async def after() -> str:
        await asyncio.sleep(0)
        return "whole"

    jobs = app.enqueue_many([suicide.call(), after.call()] * 20)
    with app.worker(concurrency=2):
        assert [job.result(10) for job in jobs] == ["done", "whole"] * 20


def test_a_cancelled_one_stops_and_those_behind_it_do_not(app: App) -> None:
    begun = threading.Event()

    @app.task(name="stuck")
    async def stuck() -> None:
        begun.set()
        await asyncio.Event().wait()

    @app.task(name="next")
    async def following() -> str:
        await asyncio.sleep(0)
        return "done"

    first = stuck.enqueue()
    jobs = following.enqueue_many([()] * 20)
    with app.worker(concurrency=1):
        assert begun.wait(10)
        first.cancel()
        with pytest.raises(JobCancelled):
            first.result(10)
        assert [job.result(10) for job in jobs] == ["done"] * 20


def test_the_task_of_asyncio_bears_the_name_of_ours(app: App) -> None:
    @app.task(name="named")
    async def named() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    with app.worker():
        assert [job.result(10) for job in named.enqueue_many([()] * 3)] == ["named"] * 3


def test_ahead_gives_answers_and_errors_and_ends() -> None:
    ahead: Ahead[int] = Ahead("ahead")
    assert ahead.start(lambda: 1)() == 1
    answer = ahead.start(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        answer()
    assert ahead.start(lambda: 3)() == 3
    ahead.close()
    until(lambda: all(thread.name != "ahead" for thread in threading.enumerate()), "its thread to end")
