"""Leases outlive everything but their worker: long drains, a blocked event loop, a store that is away."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

import pytest

from longshore import App, Context
from longshore.stores.sqlite import connection
from longshore.testing import failpoints
from longshore.testing.waiting import until
from longshore.worker import watchdog
from longshore.worker.observer import Observer
from longshore.worker.worker import Worker


def test_leases_are_renewed_while_draining_for_more_than_ten_of_them(url: str) -> None:
    begun, go = threading.Event(), threading.Event()
    with App(url, lease=0.15, sweep=0.05) as app:

        @app.task
        def work(ctx: Context) -> int:
            begun.set()
            go.wait(20)
            return ctx.attempt

        job = work.enqueue()
        worker = app.worker().start()
        assert begun.wait(20)
        with app.worker():  # would take it over
            worker.stop()
            first = until(lambda: job.refresh().record.lease_until, "its lease")
            until(lambda: (job.refresh().record.lease_until or 0) > first + 11 * 0.15, "eleven leases later")
            assert worker.state == "draining"
            assert not worker.join(0)
            go.set()
            assert worker.join(20)
        assert job.result(0) == 1


def test_leases_are_renewed_while_the_event_loop_is_blocked(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "LOOK", 0.05)
    monkeypatch.setattr(watchdog, "PATIENCE", 0.1)
    told: list[tuple[float, str | None, str]] = []

    class Told(Observer):
        def blocked(self, seconds: float, task: str | None, where: str) -> None:
            told.append((seconds, task, where))

    with App(url, lease=0.15, sweep=0.05) as app:

        @app.task(name="rude")
        async def rude(ctx: Context) -> int:
            await asyncio.sleep(0)
            time.sleep(0.9)  # noqa: ASYNC251 - that is the point
            return ctx.attempt

        # The other worker would take the job over, did its lease lapse.
        with caplog.at_level(logging.WARNING), Worker(app, observer=Told()), Worker(app, observer=Told()):
            assert rude.enqueue().result(20) == 1
            until(lambda: told, "the watchdog's word")
    [(seconds, task, where)] = told
    assert seconds > 0.1
    assert task == "rude"
    assert "test_leases.py" in where
    assert "time.sleep(0.9)" in where
    assert "stands still" in caplog.text


def test_a_locked_file_keeps_outcomes_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sqlite3

    monkeypatch.setattr(connection, "PATIENCE", 0.1)
    stalls: list[str | None] = []

    class Told(Observer):
        def stalled(self, why: str | None) -> None:
            stalls.append(why)

    locked = threading.Event()
    with App(f"sqlite:///{tmp_path / 'jobs.db'}", lease=30) as app:

        @app.task
        def work(n: int) -> int:
            locked.wait(20)
            return n

        with Worker(app, concurrency=20, observer=Told()) as worker:
            jobs = work.enqueue_many([(n,) for n in range(20)])
            until(lambda: worker.running == 20, "all to run")
            other = sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)
            other.execute("PRAGMA busy_timeout = 20000")
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            until(lambda: stalls, "the worker to notice")
            assert "stayed locked by another program" in str(stalls[0])
            other.execute("ROLLBACK")
            other.close()
            assert [job.result(20) for job in jobs] == list(range(20))
            assert {job.attempt for job in jobs} == {1}
            # It really resumes.
            assert work.enqueue(99).result(20) == 99
        assert stalls[-1] is None
    assert "the store is back" in caplog.text


def test_a_stop_in_mid_exchange_gives_back_what_comes_with_it(url: str) -> None:
    """The jobs an exchange brings after the stop are not begun."""
    runs: list[int] = []
    with App(url, lease=60) as app:

        @app.task
        def work() -> None:
            runs.append(1)

        work.enqueue_many([()] * 30)
        worker = app.worker()
        with failpoints.at("exchange.after_commit", worker.stop, times=1):
            worker.start()
            assert worker.join(20)
        assert runs == []
        assert app.store.count() == {("default", "queued"): 30}
        assert {job.failures + job.crashes for job in app.store.find(_all(), 50)} == {0}


def _all():  # type: ignore[no-untyped-def]
    from longshore.model import Where

    return Where()


def test_a_job_lost_in_mid_run_is_told_and_its_coroutine_stopped(url: str) -> None:
    begun, stopped = threading.Event(), threading.Event()
    told: list[str] = []

    class Told(Observer):
        def lost(self, run) -> None:  # type: ignore[no-untyped-def]
            told.append(run.job.id)

    with App(url, lease=0.3, sweep=60) as app:

        @app.task
        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        with Worker(app, observer=Told()) as worker:
            job = work.enqueue()
            assert begun.wait(20)
            from longshore import model

            record = job.refresh().record
            assert app.store.apply([model.held(record, "put aside by hand", app.store.now())])
            assert stopped.wait(20)
            until(lambda: not worker.running, "the worker to let go of it")
            assert worker.counts == {"refused": 1}
        assert told == [job.id]
        assert job.refresh().state == "held"


@pytest.mark.parametrize("point", ["renew.before", "settle.before", "sweep.between"])
def test_join_raises_when_an_internal_thread_dies(url: str, point: str) -> None:
    from longshore.errors import WorkerError
    from longshore.model import Claim

    with App(url, lease=0.2, sweep=0.05) as app:

        @app.task
        def work() -> None: ...

        work.enqueue()
        app.store.exchange((), Claim("gone", 1, 0.001))
        with failpoints.at(point, failpoints.fail(RuntimeError("planted"))):
            worker = app.worker().start()
            with pytest.raises(WorkerError, match="planted"):
                worker.join(20)
        assert worker.state == "stopped"


def test_a_dead_watchdog_or_loop_ends_the_worker(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from longshore.errors import WorkerError

    def broken(self: object) -> None:
        raise RuntimeError("planted")

    with App(url) as app:
        with monkeypatch.context() as patch:
            patch.setattr(watchdog.Watchdog, "run", broken)
            worker = app.worker().start()
            with pytest.raises(WorkerError, match="planted"):
                worker.join(20)
        worker = app.worker().start()
        loop = worker.coroutines._loop
        loop.call_soon_threadsafe(loop.stop)
        with pytest.raises(WorkerError):
            worker.join(20)


def test_the_keeper_does_not_spin_while_the_store_is_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from longshore.errors import StoreUnavailable

    tries: list[int] = []

    def gone(*_: object, **__: object) -> None:
        tries.append(1)
        raise StoreUnavailable("gone")

    with App(url) as app, app.worker() as worker:
        monkeypatch.setattr(app.store, "put", gone)
        worker.keeper.changed()
        until(lambda: tries, "the first try")
        worker.keeper.asked()
        worker.keeper.changed()
        threading.Event().wait(0.3)
        assert len(tries) < 5
        monkeypatch.undo()
