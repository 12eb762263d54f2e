"""Who waits is woken, across processes, and nobody looks again and again where nobody waits."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import App, ResultTimeout, job, model
from longshore.model import Change, Claim
from longshore.testing.processes import Program
from longshore.testing.waiting import until
from longshore.worker import feed

CHILD = str(Path(__file__).with_name("hints_child.py"))


@pytest.fixture
def rare_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only hints are quick: what waits looks by itself once a minute."""
    monkeypatch.setattr(job, "LOOK", 60.0)
    monkeypatch.setattr(feed, "POLL", 60.0)


#: every store that more than one process can share
shared = pytest.mark.parametrize("url", ["sqlite", "postgresql", "redis"], indirect=True)


@pytest.fixture
def elsewhere(url: str, rare_looks: None) -> Iterator[App]:
    """An app whose jobs are worked on by another process."""
    with App(url) as app, Program(CHILD, url) as program:

        @app.task(name="double")
        def double(n: int) -> int: ...

        program.line("ready")
        yield app


@shared
def test_a_result_from_another_process_wakes_who_waits(elsewhere: App) -> None:
    double = elsewhere.tasks["double"]
    times = []
    for n in range(20):
        before = time.perf_counter()
        assert double.enqueue(n).result(20) == 2 * n
        times.append(time.perf_counter() - before)
    # Woken both ways within milliseconds, where looking would take a minute. (20 ms is the promise on an idle machine.)
    assert statistics.median(times) < 0.5


@shared
async def test_awaiting_a_job_of_another_process_is_woken(elsewhere: App) -> None:
    double = elsewhere.tasks["double"]
    jobs = await asyncio.gather(*(double.aenqueue(n) for n in range(30)))
    assert await asyncio.wait_for(asyncio.gather(*jobs), 20) == [2 * n for n in range(30)]


@shared
async def test_a_thousand_that_wait_look_once_and_are_told(
    elsewhere: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_us = set(threading.enumerate())
    looks: Counter[str] = Counter()
    for name in ("get", "subscribe"):
        _count(monkeypatch, elsewhere.store, name, looks)
    double = elsewhere.tasks["double"]
    jobs = await elsewhere.aenqueue_many([double.using(delay=3600).call(n) for n in range(1000)])
    waiting = [asyncio.ensure_future(job.aresult(60)) for job in jobs]
    await asyncio.to_thread(until, lambda: looks["subscribe"] == 1000 and looks["get"], "all to wait")
    threads = {one.name for one in set(threading.enumerate()) - before_us if one.name.startswith("longshore")}
    assert len(threads) <= 3, threads  # a courier and an ear, for all of them
    before = looks["get"]
    assert before <= 20
    # Made due by hand, which is told: from here on only hints can end the waiting, for the next look is far.
    records = elsewhere.store.get([job.id for job in jobs])
    elsewhere.store.apply([Change(i, "queued", 0, {"run_at": 0.0}) for i in records])
    elsewhere.store.publish(["queue:default"])
    assert await asyncio.wait_for(asyncio.gather(*waiting), 30) == [2 * n for n in range(1000)]
    assert looks["get"] - before <= 1100


async def test_who_waits_looks_together_and_finds_what_nobody_told(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "LOOK", 0.2)
    looks: Counter[str] = Counter()

    @app.task
    def work(n: int) -> int: ...

    jobs = await app.aenqueue_many([work.call(n) for n in range(300)])
    waiting = [asyncio.ensure_future(one.aresult(60)) for one in jobs]
    _count(monkeypatch, app.store, "get", looks)
    await asyncio.sleep(0.7)  # some rounds of looks
    # At most one for each of the first looks' batches, and then one for each round.
    assert looks["get"] <= 300 / 50 + 5
    claimed = app.store.exchange([], Claim("w", 300, 60.0)).jobs
    app.store.apply([model.succeeded(one, None, app.store.now()) for one in claimed])  # and no hint
    assert await asyncio.wait_for(asyncio.gather(*waiting), 20) == [None] * 300


async def test_the_thread_and_the_loop_may_wait_for_one_job(app: App, rare_looks: None) -> None:
    go = threading.Event()

    @app.task
    def work() -> str:
        assert go.wait(20)
        return "done"

    async with app.worker():
        one = await work.aenqueue()
        waiting = [asyncio.ensure_future(app.job(one.id).aresult(20)) for _ in range(5)]
        threads = [asyncio.ensure_future(asyncio.to_thread(app.job(one.id).result, 20)) for _ in range(3)]
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.gather(*waiting, *threads) == ["done"] * 8


def test_a_retry_and_a_delay_are_looked_for_when_they_are_due(app: App, rare_looks: None) -> None:
    @app.task
    def work() -> str:
        return "ran"

    with app.worker():
        assert work.using(delay=0.2).enqueue().result(20) == "ran"


def test_cancelling_before_it_begins_wakes_who_waits(app: App, rare_looks: None) -> None:
    @app.task
    def work() -> None: ...

    one = work.enqueue()
    ended = threading.Event()

    def wait() -> None:
        app.job(one.id).wait(20)
        ended.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    one.cancel()
    assert ended.wait(20)
    waiter.join()


def test_nobody_looks_when_nobody_waits(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle worker looks about once a second; one who waits looks once, and then only when told."""
    looks: Counter[str] = Counter()
    for name in ("get", "find", "exchange", "apply", "add"):
        _count(monkeypatch, app.store, name, looks)
    monkeypatch.setattr(job, "LOOK", 60.0)

    @app.task(queue="later")
    def work() -> None: ...

    with app.worker(queues=["other"]):
        one = work.enqueue()
        assert looks["get"] == 0
        with pytest.raises(ResultTimeout):
            one.result(timeout=0.5)
        assert looks["get"] <= 2
        assert looks["exchange"] <= 4
        before = looks["get"]
        until(lambda: looks["exchange"] >= 3, "the worker's looks")
        assert looks["get"] == before


def _count(monkeypatch: pytest.MonkeyPatch, store: Any, name: str, looks: Counter[str]) -> None:
    call = getattr(store, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        looks[name] += 1
        return call(*args, **kwargs)

    monkeypatch.setattr(store, name, counting)


def test_without_hints_it_is_only_slower(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.store, "publish", lambda topics: None)
    monkeypatch.setattr(job, "LOOK", 0.05)
    monkeypatch.setattr(feed, "POLL", 0.05)

    @app.task
    def work() -> str:
        return "found"

    with app.worker():
        assert [one.result(20) for one in (work.enqueue(), work.enqueue())] == ["found"] * 2
