"""What the engine promises, as plain functions of a store's URL: the tests call them, and so do the planted faults."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from longshore import App, Context, JobCancelled, JobFailed, Retry, Snooze, current, job, model
from longshore.errors import StoreUnavailable, WorkerError
from longshore.model import Claim, Where, crashed
from longshore.testing import failpoints
from longshore.testing.waiting import until
from longshore.worker import feed

#: seconds until a check gives up: what it waits for comes within milliseconds, and a planted fault makes it wait in vain
PATIENCE = 5.0

Check = Callable[[str], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


@contextmanager
def an_app(url: str, **options: Any) -> Iterator[App]:
    with App(url, **{"lease": 0.4, "sweep": 0.05, **options}) as app:
        yield app


@contextmanager
def at_work(app: App, **options: Any) -> Iterator[Any]:
    """A worker; told to stop at once at the end, and awaited for a bounded time."""
    worker = app.worker(**options).start()
    try:
        yield worker
    finally:
        worker.stop_now()
        assert worker.join(2 * PATIENCE)


def ghost(app: App, jobs: int, lease: float = 0.001) -> list[Any]:
    """Leased to a worker that is gone."""
    return app.store.exchange((), Claim("ghost", jobs, lease)).jobs


def state(app: App, job_id: str) -> str:
    return app.store.get([job_id])[job_id].state


@check
def a_job_is_settled_only_after_it_ran(url: str) -> None:
    begun, go = threading.Event(), threading.Event()
    with an_app(url) as app:

        @app.task
        def work() -> str:
            begun.set()
            assert go.wait(PATIENCE)
            return "done"

        with at_work(app):
            handle = work.enqueue()
            assert begun.wait(PATIENCE)
            for _ in range(10):
                assert handle.refresh().state == "running"
            go.set()
            assert handle.result(PATIENCE) == "done"


@check
def dropped_jobs_are_rescued_on_a_quiet_queue(url: str) -> None:
    with an_app(url) as app:

        @app.task
        def work() -> int:
            return current().attempt

        handles = work.enqueue_many([()] * 3)
        assert len(ghost(app, 3)) == 3
        with at_work(app):
            assert [handle.result(PATIENCE) for handle in handles] == [2, 2, 2]
        assert all(handle.record.crashes == 1 for handle in handles)


@check
def a_job_that_never_began_is_never_held(url: str) -> None:
    with an_app(url) as app:

        @app.task
        def work() -> str:
            return "innocent"

        handle = work.enqueue()
        for _ in range(5):
            assert ghost(app, 1)
            with at_work(app, queues=["nothing else"]):
                until(lambda: state(app, handle.id) != "running", "the rescue", PATIENCE)
        with at_work(app):
            assert handle.result(PATIENCE) == "innocent"
        assert handle.record.crashes == 1


@check
def a_job_that_always_kills_its_worker_is_held(url: str) -> None:
    with an_app(url) as app:

        @app.task
        def work() -> None: ...

        handle = work.enqueue()
        for crash in range(1, 4):
            [record] = ghost(app, 1)
            if record.started_at is None:  # crashed before: only once it began can it crash again
                assert app.store.apply([model.begun(record, app.store.now())])
            with at_work(app, queues=["nothing else"]):
                until(lambda: state(app, handle.id) != "running", "the rescue", PATIENCE)
            assert handle.refresh().record.crashes == crash
        assert handle.state == "held"
        assert handle.reason == "crashed 3 times; last worker ghost: its lease lapsed"
        with pytest.raises(JobFailed, match="is held: crashed 3 times"):
            handle.result(0)


@check
def leases_are_renewed_while_a_job_runs(url: str) -> None:
    runs: list[int] = []
    with an_app(url, lease=0.15) as app:

        @app.task
        def work(ctx: Context) -> int:
            runs.append(ctx.attempt)
            end = time.monotonic() + 0.9
            while time.monotonic() < end and not ctx.cancelled:
                threading.Event().wait(0.01)
            return len(runs)

        with at_work(app), at_work(app):
            handle = work.enqueue()
            assert handle.result(PATIENCE) == 1
        assert runs == [1]
        assert handle.attempt == 1


@check
def cancelling_reaches_a_running_coroutine(url: str) -> None:
    begun = threading.Event()
    with an_app(url) as app:

        @app.task
        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        with at_work(app):
            handle = work.enqueue()
            assert begun.wait(PATIENCE)
            assert handle.cancel("enough") == "asked"
            with pytest.raises(JobCancelled, match=r"enough|cancelled"):
                handle.result(PATIENCE)


@check
def draining_gives_back_what_has_not_begun(url: str) -> None:
    begun, go = threading.Event(), threading.Event()
    with an_app(url) as app:

        @app.task
        def work() -> str:
            begun.set()
            assert go.wait(PATIENCE)
            return "done"

        worker = app.worker(concurrency=1)
        with at_work(app, queues=["nothing"]):  # so that leases which nobody gives back would be seen
            worker.start()
            worker.feed._room = lambda settling: 5  # as if it had been fast
            handles = work.enqueue_many([()] * 5)
            assert begun.wait(PATIENCE)
            until(lambda: worker.running == 5, "five leases", PATIENCE)
            worker.stop()
            until(lambda: app.store.count() == {("default", "running"): 1, ("default", "queued"): 4},
                  "four given back", PATIENCE)  # fmt: skip
            go.set()
            assert worker.join(PATIENCE)
        states = sorted(handle.refresh().state for handle in handles)
        assert states == ["queued"] * 4 + ["succeeded"]
        assert all((one.record.failures, one.record.crashes) == (0, 0) for one in handles)


@check
def draining_gives_back_jobs_that_crashed_before(url: str) -> None:
    begun, go = threading.Event(), threading.Event()
    with an_app(url) as app:

        @app.task
        def work() -> str:
            begun.set()
            assert go.wait(PATIENCE)
            return "done"

        work.enqueue_many([()] * 5)
        ghost(app, 5)
        worker = app.worker().start()
        try:
            assert begun.wait(PATIENCE)
            worker.stop()
            until(lambda: app.store.count().get(("default", "queued")) == 4, "four given back", PATIENCE)
        finally:
            go.set()
            worker.stop_now()
            assert worker.join(PATIENCE)


@check
def jobs_that_crashed_before_begin_one_at_a_time(url: str) -> None:
    lock, active, peak = threading.Lock(), 0, 0
    with an_app(url) as app:

        @app.task
        def work() -> None:
            nonlocal active, peak
            with lock:
                active += 1
                peak = max(peak, active)
            threading.Event().wait(0.05)  # time enough for others to begin beside it
            with lock:
                active -= 1

        handles = work.enqueue_many([()] * 5)
        ghost(app, 5)
        with at_work(app):
            for handle in handles:
                handle.result(PATIENCE)
        assert peak == 1


@check
def a_lost_lease_writes_nothing_and_is_counted(url: str) -> None:
    begun, go = threading.Event(), threading.Event()
    with an_app(url, lease=30.0) as app:

        @app.task
        def work() -> str:
            begun.set()
            assert go.wait(PATIENCE)
            return "late"

        with at_work(app) as worker:
            handle = work.enqueue()
            assert begun.wait(PATIENCE)
            # Another worker's sweep, and its claim: as if this process had slept.
            store = app.store
            [leased] = store.find(Where(states=("running",)), 1)
            now = store.now()
            lapse, claim = (
                crashed(leased, now, "its lease lapsed", 3),
                model.taken(leased, "other", now, 60.0),
            )
            assert store.apply([lapse, claim])
            theirs = store.get([handle.id])[handle.id]
            assert (theirs.worker, theirs.attempt) == ("other", 2)
            go.set()
            until(lambda: not worker.running, "the outcome to be settled", PATIENCE)
            assert worker.counts == {"refused": 1}
            assert store.get([handle.id])[handle.id] == theirs


@check
def a_coroutine_ends_at_its_timeout(url: str) -> None:
    with an_app(url) as app:

        @app.task(timeout=0.05)
        async def work() -> None:
            await asyncio.Event().wait()

        with at_work(app), pytest.raises(JobFailed, match=r"timeout of 0\.05 s"):
            work.enqueue().result(PATIENCE)


@check
def a_thread_that_returns_late_fails_though_nobody_looked(url: str) -> None:
    with an_app(url) as app:  # the keeper of such a worker looks every few seconds

        @app.task(timeout=0.001)
        def work(ctx: Context) -> bool:
            until(lambda: time.monotonic() > asked + 0.1, "the time to pass")
            return ctx.cancelled

        asked = time.monotonic()
        with at_work(app), pytest.raises(JobFailed, match=r"timeout of 0\.001 s"):
            work.enqueue().result(PATIENCE)


@check
def a_thread_that_outlives_its_timeout_fails(url: str) -> None:
    with an_app(url, lease=0.15) as app:

        @app.task(timeout=0.05)
        def work(ctx: Context) -> str:
            until(lambda: ctx.cancelled, "the time-out", PATIENCE)
            return "too late"

        with at_work(app), pytest.raises(JobFailed, match=r"timeout of 0\.05 s"):
            work.enqueue().result(PATIENCE)


@check
def an_unknown_task_is_kept(url: str) -> None:
    with an_app(url) as app:

        @app.task(name="newer")
        def work() -> str:
            return "ran"

        handle = work.enqueue()
        task = app._book.tasks.pop("newer")
        with at_work(app):
            until(lambda: handle.refresh().reason, "the problem to be shown", PATIENCE)
        assert handle.state == "queued"
        assert 'unknown task "newer"' in str(handle.reason)
        assert handle.record.failures == 0
        app._book.tasks["newer"] = task
        with at_work(app):
            assert handle.result(PATIENCE) == "ran"


@check
def a_burst_ends_when_nothing_is_left(url: str) -> None:
    with an_app(url) as app:

        @app.task(retry=Retry(1, delay=0, jitter=False))
        def work(ctx: Context) -> int:
            if ctx.attempt == 1:
                raise ValueError
            return ctx.attempt

        work.enqueue_many([()] * 300)
        with app.worker(burst=True, concurrency=7) as worker:
            assert worker.join(4 * PATIENCE)
        assert app.store.count() == {("default", "succeeded"): 300}


@check
def retries_count_failures_not_attempts(url: str) -> None:
    with an_app(url) as app:

        @app.task(retry=Retry(1, delay=0, jitter=False))
        def work(ctx: Context) -> int:
            if ctx.attempt <= 3:
                raise Snooze(0)
            if ctx.failures == 0:
                raise ValueError
            return ctx.attempt

        with at_work(app):
            assert work.enqueue().result(PATIENCE) == 5


@check
def an_expired_job_never_runs(url: str) -> None:
    runs: list[int] = []
    with an_app(url) as app:

        @app.task
        def work() -> None:
            runs.append(1)

        handle = work.using(expires=0.001).enqueue()
        until(lambda: app.store.now() > handle.record.created_at + 0.001, "the expiry", PATIENCE)
        with at_work(app), pytest.raises(JobCancelled, match="expired"):
            handle.result(PATIENCE)
        assert runs == []


@check
def outcomes_are_kept_while_the_store_is_away(url: str) -> None:
    with an_app(url) as app:
        gone = failpoints.fail(StoreUnavailable("gone"))

        @app.task
        def work() -> str:
            failpoints.install("exchange.before_commit", gone, times=3)
            return "kept"

        try:
            with at_work(app):
                handle = work.enqueue()
                assert handle.result(PATIENCE) == "kept"
                assert handle.attempt == 1
        finally:
            failpoints.clear()


@check
def a_worker_whose_keeper_dies_ends_and_gives_back(url: str) -> None:
    _a_dead_thread_ends_the_worker(url, "renew.before")


@check
def a_worker_whose_feed_dies_ends_and_gives_back(url: str) -> None:
    _a_dead_thread_ends_the_worker(url, "settle.before")


def _a_dead_thread_ends_the_worker(url: str, point: str) -> None:
    begun = threading.Event()
    with an_app(url, lease=60.0) as app:

        @app.task
        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        worker = app.worker().start()
        try:
            handle = work.enqueue()
            assert begun.wait(PATIENCE)
            failpoints.install(point, failpoints.fail(RuntimeError("planted")))
            app.store.publish(["leases", "queue:default"])
            with pytest.raises(WorkerError, match="planted"):
                assert worker.join(PATIENCE)
        finally:
            failpoints.clear()
            worker.stop_now()
        assert handle.refresh().state == "queued"
        assert (handle.record.failures, handle.record.crashes) == (0, 0)
        assert worker.state == "stopped"


@check
def the_last_progress_stays_readable(url: str) -> None:
    with an_app(url) as app:

        @app.task
        def work(ctx: Context) -> None:
            for n in range(100):
                ctx.progress(n + 1, 100, f"step {n + 1}")

        with at_work(app):
            handle = work.enqueue()
            handle.wait(PATIENCE)
        assert handle.progress is not None
        assert (handle.progress.done, handle.progress.note) == (100, "step 100")


@check
def hints_wake_who_waits(url: str) -> None:
    before = job.LOOK, feed.POLL
    job.LOOK = feed.POLL = 60.0
    try:
        with an_app(url) as app:

            @app.task
            def work() -> str:
                return "woken"

            with at_work(app) as worker:
                until(lambda: worker.feed._next_look, "the first look", PATIENCE)
                assert work.enqueue().result(PATIENCE) == "woken"
    finally:
        job.LOOK, feed.POLL = before
