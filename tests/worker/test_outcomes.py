"""Whatever a function does, its job gets one sensible end, and the worker goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore import App, Context, JobCancelled, JobFailed, Retry, RetryLater, Snooze
from longshore.errors import StoreFull
from longshore.testing.clock import Clock
from longshore.testing.waiting import until


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Rude(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise TypeError


def recursion() -> None:
    recursion()


BODIES = {
    "BaseException": lambda: BaseException("base"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": lambda: KeyboardInterrupt(),
    "asyncio.exceptions.CancelledError": lambda: asyncio.CancelledError("mine"),
    "GeneratorExit": lambda: GeneratorExit(),
    "StopIteration": lambda: StopIteration(1),
    "TimeoutError": lambda: TimeoutError("theirs"),
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError(1), KeyError(2)]),
    "test_outcomes.Silent": lambda: Silent(),
    "test_outcomes.Rude": lambda: Rude(),
    "test_outcomes.Unpicklable": lambda: Unpicklable("x"),
    "ValueError": lambda: ValueError("nul \0, surrogate \ud800, " + "long " * 100_000),
    "RecursionError": lambda: recursion(),
}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_kind_of_exception_is_recorded_and_kills_nobody(url: str, kind: str) -> None:
    with App(url) as app:

        @app.task(name="sync")
        def sync(name: str) -> None:
            raise BODIES[name]()  # type: ignore[misc]

        @app.task(name="async")
        async def coroutine(name: str) -> None:
            await asyncio.sleep(0)
            raise BODIES[name]()  # type: ignore[misc]

        @app.task
        def after() -> str:
            return "alive"

        with app.worker(concurrency=3):
            for name in BODIES:
                if kind == "async" and name == "StopIteration":
                    continue  # a coroutine cannot raise it: Python makes it a RuntimeError
                job = app.tasks[kind].enqueue(name).wait(20)
                assert (job.state, job.record.failures) == ("failed", 1), name
                assert job.error is not None
                assert job.error.kind == name
                assert len(job.error.message) < 3000
                assert len(job.error.traceback) < 20_000
            assert after.enqueue().result(20) == "alive"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("value", "message"),
    [("object", "object"), ("huge int", "64"), ("large", "results are limited to 1,000")],
)
def test_a_result_that_cannot_be_kept_fails_clearly_and_is_not_retried(
    url: str, kind: str, value: str, message: str
) -> None:
    values = {"object": object(), "huge int": 1 << 70, "large": "x" * 2000}
    with App(url, max_result=1000) as app:

        @app.task(name="sync", retry=5)
        def sync() -> Any:
            return values[value]

        @app.task(name="async", retry=5)
        async def coroutine() -> Any:
            return values[value]

        with app.worker():
            job = app.tasks[kind].enqueue()
            with pytest.raises(JobFailed, match=message):
                job.result(20)
        assert job.attempt == 1
        assert job.error is not None
        assert job.error.kind == "longshore.errors.NotEncodable"


def test_one_undecodable_row_among_a_hundred(tmp_path: Path) -> None:
    with App(f"sqlite:///{tmp_path / 'jobs.db'}") as app:

        @app.task
        def work(n: int) -> int:
            return n

        jobs = work.enqueue_many([(n,) for n in range(100)])
        with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as connection, connection:
            connection.execute("UPDATE longshore_jobs SET args = x'01ffff00' WHERE id = ?", (jobs[42].id,))
        with app.worker():
            assert [job.result(20) for n, job in enumerate(jobs) if n != 42] == [
                n for n in range(100) if n != 42
            ]
            broken = jobs[42].wait(20)
        assert broken.state == "held"
        assert str(broken.reason).startswith("its arguments cannot be decoded: ")
        assert (broken.record.failures, broken.attempt) == (0, 1)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_arguments_never_harm_the_worker(seed: int) -> None:
    import random

    chance = random.Random(seed)
    with App("memory://") as app:

        @app.task
        def work(a: int, b: dict[str, list[float]], c: bytes = b"") -> int:
            return a

        job = work.enqueue(1, {"x": [1.5]}, c=b"abc")
        damaged = bytearray(job.record.args)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        from longshore.model import Change

        assert app.store.apply(
            [Change(job.id, "queued", 0, {"args": bytes(damaged[: chance.randrange(1, 40)])})]
        )
        with app.worker() as worker:
            job.wait(20)
            assert job.state in ("held", "succeeded")
            until(lambda: not worker.running, "the worker to let go of it")


def test_retries_end_with_their_time(url: str) -> None:
    clock = Clock()
    with App(url, clock=clock) as app:

        @app.task(retry=Retry(within=timedelta(seconds=10), delay=4, backoff="constant", jitter=False))
        def work() -> None:
            raise ValueError

        job = work.enqueue()
        for run in (1, 2, 3):
            with app.worker(burst=True) as worker:
                assert worker.join(20)
            assert job.refresh().record.failures == run
            clock.move(4)
        assert (job.state, job.attempt) == ("failed", 3)  # at 0, 4 and 8 seconds; the next would be at 12


@pytest.mark.parametrize(
    ("error", "runs"), [(KeyError("listed"), 3), (OSError("given up"), 1), (ValueError("not listed"), 1)]
)
def test_only_listed_errors_are_retried(url: str, error: Exception, runs: int) -> None:
    with App(url) as app:

        @app.task(retry=Retry(2, delay=0, on=(KeyError, OSError), give_up_on=OSError))
        def work() -> None:
            raise error

        with app.worker():
            job = work.enqueue().wait(20)
        assert (job.state, job.attempt) == ("failed", runs)


def test_retries_are_put_off_and_nothing_else_waits(url: str) -> None:
    with App(url) as app:

        @app.task(retry=Retry(1, delay=3600, jitter=False))
        def work() -> None:
            raise ValueError

        job = work.enqueue()
        with app.worker(burst=True) as worker:
            assert worker.join(20)
        assert (job.refresh().state, job.record.failures) == ("queued", 1)
        assert job.record.run_at > app.store.now() + 3000


@pytest.mark.parametrize("delay", [float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("steering", [Snooze, RetryLater])
def test_a_delay_that_is_no_time_fails_the_job_only(url: str, steering: type[Any], delay: float) -> None:
    with App(url) as app:

        @app.task
        def work() -> None:
            raise steering(delay)

        @app.task
        def after() -> str:
            return "alive"

        with app.worker():
            job = work.enqueue()
            with pytest.raises(JobFailed, match="less than 100 years"):
                job.result(20)
            assert after.enqueue().result(20) == "alive"


def test_a_coroutine_that_swallows_its_cancellation_is_asked_again(url: str) -> None:
    swallowed: list[int] = []
    with App(url, lease=0.15) as app:

        @app.task
        async def stubborn() -> None:
            while len(swallowed) < 3:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed.append(1)

        with app.worker():
            job = stubborn.enqueue()
            until(lambda: job.refresh().state == "running", "it to run")
            job.cancel()
            job.wait(20)
        # Three were swallowed, and then it returned: it had finished all the same.
        assert len(swallowed) == 3


def test_expired_jobs_among_others(url: str) -> None:
    runs: list[int] = []
    clock = Clock()
    with App(url, clock=clock) as app:

        @app.task(expires=10)
        def work(n: int) -> None:
            runs.append(n)

        stale = work.enqueue_many([(n,) for n in range(10)])
        clock.move(11)
        fresh = work.enqueue_many([(n,) for n in range(10, 20)])
        with app.worker():
            for job in fresh:
                job.result(20)
            for job in stale:
                with pytest.raises(JobCancelled, match="expired before it could begin"):
                    job.result(20)
        assert sorted(runs) == list(range(10, 20))


def test_a_cancelled_job_whose_worker_dies_is_not_run_again(url: str) -> None:
    from longshore.model import Claim

    with App(url, sweep=0.05) as app:

        @app.task
        def work() -> None:
            raise AssertionError("it must not run")

        job = work.enqueue()
        app.store.exchange((), Claim("ghost", 1, 0.2))
        assert job.cancel() == "asked"
        with app.worker(), pytest.raises(JobCancelled):
            job.result(20)


def _room(app: App, pages: int) -> None:
    """Let the file of this process grow by so many pages and no further; as a disk would."""

    def limit(writer: sqlite3.Connection) -> None:
        [(now,)] = writer.execute("PRAGMA page_count").fetchall()
        writer.execute(f"PRAGMA max_page_count = {now + pages}")

    app.store._pair().write(limit)  # type: ignore[attr-defined]


def _refused(call: Callable[[], object]) -> str:
    try:
        call()
    except StoreFull as error:
        return str(error)
    return ""


def test_a_full_disk_is_said_at_enqueue_and_outcomes_are_kept_until_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = threading.Event()
    with App(f"sqlite:///{tmp_path / 'jobs.db'}", lease=60) as app:

        @app.task
        def work(n: int) -> str:
            assert full.wait(20)
            return "x" * 50_000

        with app.worker(concurrency=10) as worker:
            jobs = work.enqueue_many([(n,) for n in range(10)])
            until(lambda: worker.running == 10, "all to run")
            _room(app, 5)
            told = until(
                lambda: _refused(lambda: work.using(queue="other", delay=60).enqueue(0)), "the refusal"
            )
            assert "no room left on the disk" in told
            full.set()
            until(lambda: "outcomes are kept" in caplog.text, "the worker to notice")
            _room(app, 100_000)
            assert {len(job.result(20)) for job in jobs} == {50_000}
            assert {job.attempt for job in jobs} == {1}
            assert work.enqueue(99).result(20)


def test_context_is_given_to_threads_and_not_shared(url: str) -> None:
    seen: dict[int, Context] = {}
    both = threading.Barrier(2, timeout=20)
    with App(url) as app:

        @app.task
        def work(ctx: Context, n: int) -> int:
            from longshore import current

            both.wait()
            assert current() is ctx
            seen[n] = ctx
            return os.getpid()

        with app.worker():
            for job in work.enqueue_many([(1,), (2,)]):
                assert job.result(20) == os.getpid()
    assert seen[1] is not seen[2]
