"""What users see, on every store: the same file, the same promises."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from longshore import (
    App,
    Context,
    Discard,
    JobCancelled,
    JobFailed,
    JobNotFound,
    ResultTimeout,
    Retry,
    RetryLater,
    Snooze,
    UniqueConflict,
    current,
)


def test_a_job_runs_and_gives_its_result(app: App) -> None:
    @app.task
    def add(a: int, b: int) -> int:
        return a + b

    with app.worker():
        job = add.enqueue(1, b=2)
        assert job.result(timeout=10) == 3
    assert job.state == "succeeded"
    assert job.attempt == 1
    assert job.error is None


def test_a_task_called_plainly_runs_here(app: App) -> None:
    @app.task
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, 2) == 3
    assert app.store.count() == {}


async def test_async_all_the_way(app: App) -> None:
    @app.task
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    async with app.worker():
        jobs = await asyncio.gather(*(double.aenqueue(n) for n in range(20)))
        assert await asyncio.gather(*jobs) == [n * 2 for n in range(20)]
        assert await jobs[0].aresult(timeout=5) == 0


async def test_async_tasks_run_in_the_callers_loop(app: App) -> None:
    loops = []

    @app.task
    async def where() -> None:
        loops.append(asyncio.get_running_loop())

    async with app.worker():
        await (await where.aenqueue())
    assert loops == [asyncio.get_running_loop()]


def test_retries_until_it_succeeds(app: App) -> None:
    runs = []

    @app.task(retry=Retry(2, delay=0, jitter=False))
    def shaky() -> str:
        runs.append(current().attempt)
        if len(runs) < 3:
            raise ValueError(f"no {len(runs)}")
        return "yes"

    with app.worker():
        job = shaky.enqueue()
        assert job.result(timeout=10) == "yes"
    assert runs == [1, 2, 3]
    assert job.record.failures == 2
    assert [error.message for error in job.errors] == ["no 1", "no 2"]


def test_without_a_policy_a_failure_is_final(app: App) -> None:
    @app.task
    def broken() -> None:
        raise KeyError("gone")

    with app.worker():
        job = broken.enqueue()
        with pytest.raises(JobFailed, match="KeyError: 'gone'") as caught:
            job.result(timeout=10)
    assert job.state == "failed"
    assert caught.value.kind == "KeyError"
    assert 'raise KeyError("gone")' in caught.value.traceback
    assert "execute.py" not in caught.value.traceback


def test_give_up_on(app: App) -> None:
    @app.task(retry=Retry(5, delay=0, give_up_on=(KeyError,)))
    def broken() -> None:
        raise KeyError("gone")

    with app.worker():
        job = broken.enqueue()
        job.wait(10)
    assert (job.state, job.attempt) == ("failed", 1)


def test_snooze_costs_no_retry(app: App) -> None:
    @app.task(retry=Retry(1, delay=0, jitter=False))
    def sleepy(ctx: Context) -> int:
        if ctx.attempt <= 3:
            raise Snooze(0)
        return ctx.failures

    with app.worker():
        job = sleepy.enqueue()
        assert job.result(timeout=10) == 0
    assert job.attempt == 4


def test_retry_later_counts(app: App) -> None:
    @app.task(retry=Retry(2))
    def later(ctx: Context) -> None:
        raise RetryLater(0, f"run {ctx.attempt}")

    with app.worker():
        job = later.enqueue()
        job.wait(10)
    assert (job.state, job.attempt, job.record.failures) == ("failed", 3, 3)


def test_discard_ends_as_cancelled_with_its_reason(app: App) -> None:
    @app.task(retry=Retry(5, delay=0))
    def pointless() -> None:
        raise Discard("the user is gone")

    with app.worker():
        job = pointless.enqueue()
        with pytest.raises(JobCancelled, match="the user is gone"):
            job.result(timeout=10)
    assert (job.state, job.attempt) == ("cancelled", 1)


def test_delay_and_eta_are_kept(app: App) -> None:
    @app.task
    def noted() -> None: ...

    soon = noted.using(delay=3600).enqueue()
    at = datetime.now(UTC) + timedelta(hours=2)
    later = noted.using(eta=at).enqueue()
    assert soon.record.run_at == pytest.approx(soon.record.created_at + 3600)
    assert later.record.run_at == pytest.approx(at.timestamp())
    with app.worker(burst=True) as worker:
        assert worker.join(10)
    assert soon.refresh().state == later.refresh().state == "queued"


def test_priority_goes_first(app: App) -> None:
    order: list[int] = []

    @app.task
    def noted(priority: int) -> None:
        order.append(priority)

    for priority in (0, 5, -7, 100, -100):
        noted.using(priority=priority).enqueue(priority)
    with app.worker(concurrency=1, burst=True) as worker:
        assert worker.join(10)
    assert order == [100, 5, 0, -7, -100]


def test_expired_before_it_began(app: App) -> None:
    @app.task
    def stale() -> None:
        raise AssertionError("it must not run")

    job = stale.using(expires=0.000001).enqueue()
    with app.worker(), pytest.raises(JobCancelled, match="expired"):
        job.result(timeout=10)


def test_unique_gives_the_holder_back(app: App) -> None:
    @app.task
    def mail(user: int) -> int:
        return user

    first = mail.using(unique="u1").enqueue(1)
    second = mail.using(unique="u1").enqueue(2)
    other = mail.using(unique="u2").enqueue(3)
    assert first.id == second.id != other.id
    with pytest.raises(UniqueConflict) as caught:
        mail.using(unique="u1", unique_mode="reject").enqueue(4)
    assert caught.value.holder == first.id
    replaced = mail.using(unique="u1", unique_mode="replace").enqueue(5)
    assert replaced.id == first.id
    with app.worker():
        assert first.result(timeout=10) == 5
        # Its key is free again.
        again = mail.using(unique="u1").enqueue(6)
        assert again.id != first.id
        assert again.result(timeout=10) == 6


@pytest.mark.parametrize("ending", ["succeeded", "failed", "cancelled", "discarded"])
def test_a_unique_key_is_free_on_every_final_path(app: App, ending: str) -> None:
    @app.task
    def mail() -> None:
        if ending == "failed":
            raise ValueError
        if ending == "discarded":
            raise Discard

    job = mail.using(unique="k").enqueue()
    if ending == "cancelled":
        job.cancel()
    with app.worker():
        job.wait(10)
    assert mail.using(unique="k").enqueue().id != job.id


def test_cancel_before_it_begins(app: App) -> None:
    @app.task
    def never() -> None: ...

    now, delayed = never.enqueue(), never.using(delay=60).enqueue()
    assert now.cancel() == delayed.cancel("not wanted") == "cancelled"
    assert now.state == delayed.state == "cancelled"
    assert delayed.reason == "not wanted"
    assert now.cancel() == "too late"


def test_cancel_a_running_coroutine(app: App) -> None:
    begun, ended = threading.Event(), threading.Event()

    @app.task(retry=Retry(5, delay=0))
    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with app.worker():
        job = forever.enqueue()
        assert begun.wait(10)
        assert job.cancel("changed my mind") == "asked"
        with pytest.raises(JobCancelled, match="changed my mind"):
            job.result(timeout=10)
        assert ended.wait(10)
    assert job.attempt == 1


def test_cancel_a_running_thread_asks(app: App) -> None:
    begun, go = threading.Event(), threading.Event()
    seen = []

    @app.task
    def stubborn(ctx: Context) -> str:
        begun.set()
        while not ctx.cancelled:
            go.wait(0.01)
        seen.append(ctx.cancelled)
        raise RuntimeError("stopped because asked")

    with app.worker():
        job = stubborn.enqueue()
        assert begun.wait(10)
        assert job.cancel() == "asked"
        with pytest.raises(JobCancelled):
            job.result(timeout=10)
    assert seen == [True]


def test_a_thread_that_finishes_although_asked_has_finished(app: App) -> None:
    begun, go = threading.Event(), threading.Event()

    @app.task
    def finishes(ctx: Context) -> str:
        begun.set()
        while not ctx.cancelled:
            go.wait(0.01)
        return "done all the same"

    with app.worker():
        job = finishes.enqueue()
        assert begun.wait(10)
        assert job.cancel() == "asked"
        assert job.result(timeout=10) == "done all the same"


def test_a_coroutine_that_outlives_its_timeout_fails(app: App) -> None:
    @app.task(timeout=0.05)
    async def slow() -> None:
        await asyncio.Event().wait()

    with app.worker():
        job = slow.enqueue()
        with pytest.raises(JobFailed, match=r"timeout of 0\.05 s"):
            job.result(timeout=10)


def test_progress_is_live_and_readable_afterwards(app: App) -> None:
    told, go = threading.Event(), threading.Event()

    @app.task
    def long(ctx: Context) -> None:
        ctx.progress(1, 3, "one of three")
        told.set()
        go.wait(10)
        ctx.progress(3, 3, "all")

    with app.worker():
        job = long.enqueue()
        assert told.wait(10)
        seen = None
        while seen is None:
            seen = job.refresh().progress
            told.wait(0.01) if seen is None else None
        assert (seen.done, seen.total, seen.note) == (1, 3, "one of three")
        go.set()
        job.wait(10)
    assert job.progress is not None
    assert job.progress.note == "all"


def test_bulk_gives_one_handle_for_each(app: App) -> None:
    @app.task
    def square(n: int) -> int:
        return n * n

    @app.task
    async def cube(n: int) -> int:
        return n**3

    jobs = square.enqueue_many([(1,), {"n": 2}, square.call(3)])
    mixed = app.enqueue_many([square.call(4), cube.call(2)])
    with app.worker():
        assert [job.result(timeout=10) for job in jobs] == [1, 4, 9]
        assert [job.result(timeout=10) for job in mixed] == [16, 8]


def test_a_timeout_says_why(app: App) -> None:
    @app.task(queue="mail")
    def mail() -> None: ...

    with pytest.raises(ResultTimeout, match="still queued after 0 s, and no worker is running"):
        mail.enqueue().result(timeout=0)
    app.pause("mail")
    with pytest.raises(ResultTimeout, match='the queue "mail" is paused'):
        mail.enqueue().result(timeout=0)


def test_no_such_job(app: App) -> None:
    with pytest.raises(JobNotFound, match="never existed"):
        app.job("0" * 32).refresh()


def test_a_paused_queue_waits(app: App) -> None:
    @app.task
    def noted() -> str:
        return "ran"

    app.pause("default")
    job = noted.enqueue()
    with app.worker(burst=True) as worker:
        assert worker.join(10)
    assert job.refresh().state == "queued"
    assert app.resume("default")
    with app.worker():
        assert job.result(timeout=10) == "ran"


def test_an_unknown_task_is_kept_and_run_by_a_worker_that_knows_it(url: str, tmp_path: object) -> None:
    if url == "memory://":  # nobody else can see it
        url = f"sqlite:///{tmp_path}/other.db"
    newer, older = App(url), App(url)

    @newer.task(name="only.newer")
    def fresh() -> str:
        return "ran"

    job = fresh.enqueue()
    with older.worker(burst=True) as worker:
        assert worker.join(10)
    assert job.refresh().state == "queued"
    assert job.reason is not None
    assert 'unknown task "only.newer"' in job.reason
    with newer.worker():
        assert job.result(timeout=20) == "ran"
    newer.close()
    older.close()


def test_a_job_enqueued_inside_a_job_carries_its_parent(app: App) -> None:
    children: list[str] = []

    @app.task
    def child() -> str:
        return "child"

    @app.task
    def parent(ctx: Context) -> str:
        job = ctx.enqueue(child.call())
        children.append(job.id)
        return job.id

    with app.worker():
        job = parent.enqueue()
        assert app.job(job.result(timeout=10)).result(timeout=10) == "child"
    assert children


def test_a_class_is_a_task(app: App) -> None:
    @app.task
    class Resize:
        queue = "images"

        def __call__(self, width: int) -> str:
            return f"{width}px"

    with app.worker():
        job = Resize.enqueue(80)
        assert job.result(timeout=10) == "80px"
    assert job.queue == "images"


def test_eager_runs_at_once_with_real_results() -> None:
    app = App(eager=True)
    runs = []

    @app.task(retry=Retry(3))
    def shaky(n: int) -> int:
        runs.append(n)
        if len(runs) < 2:
            raise ValueError
        return n

    @app.task
    async def double(n: int) -> int:
        return 2 * n

    assert shaky.enqueue(7).result() == 7
    assert runs == [7, 7]
    assert double.enqueue(4).result() == 8
    app.close()


def test_run_one_job_here(app: App) -> None:
    @app.task
    def add(a: int, b: int) -> int:
        return a + b

    job = app.run(add.enqueue(1, 2))
    assert job.state == "succeeded"
    assert job.result() == 3
