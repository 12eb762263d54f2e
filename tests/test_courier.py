"""The async door: many callers, few batches; errors, cancellations, loops, forks and closing."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import App
from longshore.courier import Courier
from longshore.errors import StoreUnavailable
from longshore.stores.base import Store
from longshore.testing import failpoints
from longshore.testing.samples import job
from longshore.testing.waiting import until


@pytest.fixture
def calls(app: App, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs each `add` brought."""
    sizes: list[int] = []
    add = app.store.add

    def counting(jobs: Any, connection: Any = None) -> Any:
        sizes.append(len(jobs))
        return add(jobs, connection)

    monkeypatch.setattr(app.store, "add", counting)
    return sizes


@pytest.fixture
def slow(app: App) -> Iterator[Callable[[], object]]:
    """The first `add` waits until it is let go."""
    begun, go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go.wait(20)

    failpoints.install("add.after_commit", wait, times=1)

    def let_go() -> None:
        go.set()

    let_go.begun = begun  # type: ignore[attr-defined]
    yield let_go
    go.set()
    failpoints.clear()


async def test_many_callers_leave_in_few_batches(app: App, calls: list[int], slow: Any) -> None:
    @app.task
    def noted(n: int) -> None: ...

    first = asyncio.ensure_future(noted.aenqueue(0))
    await asyncio.to_thread(slow.begun.wait, 20)
    rest = [asyncio.ensure_future(noted.aenqueue(n)) for n in range(1, 51)]
    await asyncio.sleep(0)
    slow()
    jobs = await asyncio.gather(first, *rest)
    assert calls == [1, 50]
    assert len({one.id for one in jobs}) == 51
    assert sum(app.store.count().values()) == 51


async def test_each_caller_gets_its_own_jobs(app: App) -> None:
    @app.task
    def noted(n: int) -> int:
        return n

    lots = await asyncio.gather(*(noted.aenqueue_many([(n * 10 + k,) for k in range(n)]) for n in range(8)))
    assert [len(lot) for lot in lots] == list(range(8))
    async with app.worker():
        for n, lot in enumerate(lots):
            assert [await one for one in lot] == [n * 10 + k for k in range(n)]


async def test_a_failing_batch_reaches_its_callers_and_no_others(app: App, slow: Any) -> None:
    @app.task
    def noted(n: int) -> None: ...

    first = asyncio.ensure_future(noted.aenqueue(0))
    await asyncio.to_thread(slow.begun.wait, 20)
    second = [asyncio.ensure_future(noted.aenqueue(n)) for n in range(5)]
    await asyncio.sleep(0)
    failpoints.install("add.before_commit", failpoints.fail(StoreUnavailable("gone")), times=1)
    slow()
    assert (await first).id
    assert [str(error) for error in await asyncio.gather(*second, return_exceptions=True)] == ["gone"] * 5
    assert (await noted.aenqueue(7)).id
    assert sum(app.store.count().values()) == 2


async def test_a_cancelled_caller_disturbs_nobody(app: App, slow: Any) -> None:
    @app.task
    def noted(n: int) -> None: ...

    first = asyncio.ensure_future(noted.aenqueue(0))
    await asyncio.to_thread(slow.begun.wait, 20)
    second, third = (asyncio.ensure_future(noted.aenqueue(n)) for n in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    slow()
    assert (await third).id
    # What they had asked for was on its way and happened all the same.
    assert sum(app.store.count().values()) == 3
    assert first.cancelled()


def test_two_event_loops_share_it(app: App) -> None:
    @app.task
    def noted(n: int) -> int: ...

    async def many() -> list[str]:
        return [one.id for one in await asyncio.gather(*(noted.aenqueue(n) for n in range(100)))]

    ids: list[list[str]] = []
    threads = [threading.Thread(target=lambda: ids.append(asyncio.run(many()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len({one for own in ids for one in own}) == 200


async def test_closing_stores_what_was_asked_for(app: App, slow: Any) -> None:
    @app.task
    def noted(n: int) -> None: ...

    first = asyncio.ensure_future(noted.aenqueue(0))
    await asyncio.to_thread(slow.begun.wait, 20)
    second = asyncio.ensure_future(noted.aenqueue(1))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(asyncio.to_thread(app.close))
    slow()
    await closing
    assert (await first).id != (await second).id
    assert sum(app.store.count().values()) == 2
    # And a later use opens again.
    assert (await noted.aenqueue(2)).id


def test_closing_again_and_again_while_others_ask_loses_nobody(app: App) -> None:
    @app.task
    def noted(n: int) -> None: ...

    courier, over = app._courier, threading.Event()

    def close() -> None:
        while not over.is_set():
            courier.close()

    closer = threading.Thread(target=close)
    closer.start()

    async def ask() -> int:
        jobs = [await asyncio.wait_for(noted.aenqueue(n), 20) for n in range(200)]
        return len({one.id for one in jobs})

    try:
        assert asyncio.run(ask()) == 200
    finally:
        over.set()
        closer.join(20)
    assert not closer.is_alive()


def test_a_loop_that_is_gone_is_no_matter(app: App) -> None:
    courier = app._courier
    go = threading.Event()

    async def leave() -> None:
        courier.call(lambda: go.wait(20))
        courier.add([job(1)])

    asyncio.run(leave())
    go.set()
    until(lambda: app.store.count(), "the job that nobody waits for")
    assert asyncio.run(_got(courier)) == {}


async def _got(courier: Courier) -> dict[str, Any]:
    return await courier.get(["0" * 32])


def test_a_forked_child_has_a_courier_of_its_own(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path / 'jobs.db'}")

    @app.task
    def noted(n: int) -> None: ...

    asyncio.run(noted.aenqueue(0))
    # An errand of the parent's is under way, and its lock is held, when it forks.
    go = threading.Event()

    async def pending() -> int:
        app._courier.call(lambda: go.wait(20))
        errand = asyncio.ensure_future(noted.aenqueue(1))
        await asyncio.sleep(0)
        app._courier._lock.acquire()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # a fork of a process with threads: that is the test
            child = os.fork()
        if child == 0:
            _in_child(app, noted)
        app._courier._lock.release()
        go.set()
        await errand
        return child

    def _in_child(app: App, task: Any) -> None:
        code = 1
        try:
            # (Not asyncio.run: this thread is inside a coroutine of the parent's loop.)
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=lambda: loop.run_until_complete(task.aenqueue(2)))
            thread.start()
            thread.join(15)
            code = 0 if not thread.is_alive() else 2
        finally:
            os._exit(code)

    child = asyncio.run(pending())
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert sum(app.store.count().values()) == 3
    app.close()


async def test_an_async_app_commits_before_it_closes(url: str) -> None:
    store: Store
    async with App(url) as app:

        @app.task
        def noted() -> None: ...

        errand = asyncio.ensure_future(noted.aenqueue())
        await asyncio.sleep(0)
        store = app.store
    assert (await errand).id
    assert sum(store.count().values()) == 1
    store.close()


async def test_it_never_waits_for_a_batch_to_fill(app: App) -> None:
    @app.task
    def noted() -> None: ...

    await noted.aenqueue()
    times = []
    for _ in range(50):
        before = time.perf_counter()
        await noted.aenqueue()
        times.append(time.perf_counter() - before)
    assert min(times) < 0.02
