"""The next exchange is under way while the jobs of the last are handed over: it may fail, be the last, or find nothing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from longshore import App
from longshore.errors import StoreUnavailable, WorkerError
from longshore.model import JobRecord, Where
from longshore.testing import failpoints
from longshore.testing.waiting import until
from longshore.worker import pace
from longshore.worker.observer import Observer
from longshore.worker.run import Run
from longshore.worker.worker import Worker

JOBS = 400
LOST = StoreUnavailable("the answer was lost")


class Watched(Observer):
    """Tells what was handed over."""

    def __init__(self) -> None:
        self.lots = 0

    def begun(self, runs: Sequence[Run]) -> None:
        self.lots += 1


class Shop:
    """Many small jobs and a worker that has few places for them."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.ran: list[int] = []
        self.told = Watched()

        @app.task(name="small")
        async def small(n: int) -> int:
            self.ran.append(n)
            return n

        self.small = small
        self.jobs = small.enqueue_many([(n,) for n in range(JOBS)])
        self.worker = Worker(app, concurrency=10, observer=self.told)

    def finished(self) -> None:
        assert [job.result(20) for job in self.jobs] == list(range(JOBS))
        until(lambda: self.worker.counts["succeeded"] == JOBS, "all to be counted")

    def records(self) -> list[JobRecord]:
        return self.app.store.find(Where(), JOBS)

    def states(self) -> dict[str, int]:
        return {state: number for (_, state), number in self.app.store.count().items()}


@pytest.fixture
def shop(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    # Few jobs are enough then to find out that they are small, and to lease ahead.
    monkeypatch.setattr(pace, "STRETCH", 0.001)
    with App(url, lease=60) as app:
        yield Shop(app)


def ahead() -> bool:
    """Whether we are in an exchange that was begun while the last one's jobs are handed over."""
    return threading.current_thread().name == "longshore-wire"


def test_jobs_are_handed_over_while_the_next_exchange_is_under_way(shop: Shop) -> None:
    """The first one ahead does not begin before they are; were they to wait for it, both would wait for ever."""
    made: list[int] = []
    seen: list[int] = []

    def wait() -> None:
        if ahead() and not seen:
            seen.append(len(made))
            until(lambda: shop.told.lots >= seen[0], "what the exchange before it brought to be handed over")

    with (
        failpoints.at("settle.before", wait),
        failpoints.at("settle.after", lambda: made.append(1)),
        shop.worker,
    ):
        shop.finished()
    assert seen


@pytest.mark.parametrize("point", ["exchange.before_commit", "exchange.after_commit"])
def test_what_was_handed_over_is_done_while_the_next_exchange_fails(shop: Shop, point: str) -> None:
    failed: list[int] = []

    def fail() -> None:
        if ahead() and len(failed) < 3:
            failed.append(len(shop.ran))
            raise LOST

    with failpoints.at(point, fail), shop.worker:
        shop.finished()
    assert len(failed) == 3
    # No outcome was lost or told twice; what came with a lost answer was given back, and no run of it was begun.
    assert shop.worker.counts == {"succeeded": JOBS}
    assert Counter(shop.ran) == Counter(range(JOBS))
    assert {job.failures + job.crashes for job in shop.records()} == {0}
    attempts = {job.attempt for job in shop.records()}
    assert attempts == {1} if point == "exchange.before_commit" else attempts >= {1, 2}


def test_a_worker_told_to_stop_waits_for_the_exchange_ahead(shop: Shop) -> None:
    """What it claimed goes back at once: nothing stays running until its lease is over."""
    stopped: list[int] = []

    def stop() -> None:
        if ahead() and not stopped:
            stopped.append(len(shop.worker.feed.leased))
            shop.worker.stop()

    with failpoints.at("exchange.after_commit", stop):
        shop.worker.start()
        assert shop.worker.join(20)
    assert stopped
    states = shop.states()
    assert states == {"succeeded": len(shop.ran), "queued": JOBS - len(shop.ran)}
    assert 0 < len(shop.ran) < JOBS
    assert {job.failures + job.crashes for job in shop.records()} == {0}
    with shop.app.worker():
        assert [job.result(20) for job in shop.jobs] == list(range(JOBS))
    assert Counter(shop.ran) == Counter(range(JOBS))


def test_what_breaks_the_exchange_ahead_ends_the_worker_and_gives_all_back(shop: Shop) -> None:
    def break_() -> None:
        if ahead():
            raise RuntimeError("planted")

    with failpoints.at("settle.before", break_):
        shop.worker.start()
        with pytest.raises(WorkerError, match="planted"):
            shop.worker.join(20)
    assert "running" not in shop.states()
    until(lambda: not any(map(_is_wire, threading.enumerate())), "its thread to end")
    with shop.app.worker():
        assert [job.result(20) for job in shop.jobs] == list(range(JOBS))


def _is_wire(thread: threading.Thread) -> bool:
    return thread.name == "longshore-wire"


def test_a_queue_paused_before_the_exchange_ahead_gives_it_nothing(shop: Shop) -> None:
    leased: set[str] = set()
    begun = 0

    def pause() -> None:
        nonlocal begun
        if ahead() and not leased:
            begun = len(shop.ran)
            leased.update(shop.worker.feed.leased)
            shop.app.store.put("paused", "default", {})

    with failpoints.at("settle.before", pause), shop.worker:
        until(lambda: leased and not shop.worker.running, "what was leased to be done")
        assert {shop.jobs[n].id for n in shop.ran[begun:]} <= leased
        assert shop.states() == {"succeeded": len(shop.ran), "queued": JOBS - len(shop.ran)}
        shop.app.store.drop("paused", "default")
        shop.app.store.publish({"queue:default"})
        shop.finished()
    assert {job.attempt for job in shop.records()} == {1}


def test_long_jobs_leased_ahead_are_given_back_for_others_to_begin(url: str) -> None:
    """Those behind many small ones are leased in advance as if they were small as well."""
    go = threading.Event()

    def made() -> App:
        app = App(url, lease=60)

        @app.task(name="small")
        async def small() -> None: ...

        @app.task(name="long")
        def long() -> bool:
            return go.wait(20)

        return app

    with made() as one, made() as other:
        one.tasks["small"].enqueue_many([()] * JOBS)
        jobs = one.tasks["long"].enqueue_many([()] * 60)
        with one.worker(concurrency=10) as first:
            until(lambda: first.counts["succeeded"] == JOBS, "the small ones to be done")
            until(lambda: first.running == 10, "it to hold no more than it can begin")
            if url != "memory://":
                with other.worker(concurrency=50) as second:
                    until(lambda: second.running == 50, "the other to begin the rest")
                    go.set()
                    assert all(job.result(20) for job in jobs)
            go.set()
            assert all(job.result(20) for job in jobs)
    assert {job.record.failures + job.record.crashes for job in jobs} == {0}
