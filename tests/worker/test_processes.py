"""CPU-bound functions in processes of their own: E3, time-outs, cancellation, crashes."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zoo

from longshore import App, JobCancelled, JobFailed
from longshore.testing.waiting import until
from longshore.worker.executors import processes


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """One worker for all of this file: its processes are kept from one test to the next, as in life."""
    with zoo.app, zoo.app.worker(processes=2):
        yield zoo.app


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def written(path: Path) -> int:
    return int(until(lambda: path.exists() and path.read_text(), f"{path.name}"))


def test_a_process_task_runs_in_another_process_which_is_kept(app: App) -> None:
    first, second = zoo.pid_of.enqueue().result(20), zoo.pid_of.enqueue().result(20)
    assert first != os.getpid()
    assert first == second


def test_a_busy_loop_is_killed_at_its_timeout(app: App, tmp_path: Path) -> None:
    job = zoo.spin.enqueue(str(tmp_path / "pid"))
    with pytest.raises(JobFailed, match=r"TimeoutError: .* ran longer than its timeout of 0\.5 s"):
        job.result(20)
    pid = written(tmp_path / "pid")
    until(lambda: gone(pid), "the end of its process")


def test_cancelling_kills_the_process(app: App, tmp_path: Path) -> None:
    job = zoo.spin_until_killed.enqueue(str(tmp_path / "pid"))
    pid = written(tmp_path / "pid")
    assert job.cancel("no longer wanted") == "asked"
    with pytest.raises(JobCancelled):
        job.result(20)
    until(lambda: gone(pid), "the end of its process")


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV"), (40, "signal 40")]
)
def test_a_task_that_kills_its_process_is_held_alone(app: App, number: int, name: str) -> None:
    jobs = zoo.pid_of.enqueue_many([(n,) for n in range(20)])
    poison = zoo.die.enqueue(int(number))
    more = zoo.pid_of.enqueue_many([(n,) for n in range(20)])
    with pytest.raises(JobFailed, match="is held"):
        poison.result(30)
    worker = poison.record.worker
    assert poison.reason == f"crashed 3 times; last worker {worker}: its process was killed by {name}"
    assert (poison.record.crashes, poison.record.failures) == (3, 0)
    for job in (*jobs, *more):
        job.result(20)
        assert job.record.crashes == 0


def test_a_task_that_exits_is_a_crash_with_its_status(app: App) -> None:
    job = zoo.leave.enqueue(7)
    job.wait(30)
    assert job.state == "held"
    assert "its process exited with status 7 in the middle of the job" in str(job.reason)


def test_progress_of_a_process_is_seen_while_it_runs(app: App, tmp_path: Path) -> None:
    job = zoo.told.enqueue(str(tmp_path / "go"))
    seen = until(lambda: job.refresh().progress, "its progress")
    assert (seen.done, seen.total, seen.note) == (1, 2, "half")
    assert job.state == "running"
    (tmp_path / "go").touch()
    assert job.result(20) == "told"
    assert job.progress is not None
    assert job.progress.note == "half"


@pytest.mark.parametrize(
    ("error", "state", "runs"),
    [("odd", "succeeded", 3), ("key", "failed", 1), ("value", "failed", 1), ("discard", "cancelled", 1)],
)
def test_retry_rules_hold_across_the_process_boundary(app: App, error: str, state: str, runs: int) -> None:
    job = zoo.picky.enqueue(error).wait(20)
    assert (job.state, job.attempt) == (state, runs)
    if error == "odd":
        assert job.result() == 2
        assert [failure.kind for failure in job.errors] == ["zoo.Odd", "zoo.Odd"]
    if error == "discard":
        assert job.reason == "from a process"


def test_a_result_too_large_fails_with_both_numbers(app: App) -> None:
    with pytest.raises(JobFailed, match=r"returned 20,00\d bytes; results are limited to 10,000"):
        zoo.big.enqueue(20_000).result(20)
    assert len(zoo.big.enqueue(9_000).result(20)) == 9_000


def test_middleware_is_around_process_tasks_in_the_worker(app: App) -> None:
    zoo.noting.seen.clear()
    zoo.pid_of.enqueue().result(20)
    assert zoo.noting.seen == [f"before zoo.pid_of in {os.getpid()}", "after zoo.pid_of: Done"]


def test_where_no_process_can_be_had_the_job_fails_and_the_worker_goes_on(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo.leave.enqueue(0).wait(30)  # so that at least one place has no process now

    def none(*_: object) -> None:
        raise OSError("no more processes")

    with monkeypatch.context() as patch:
        patch.setattr(processes, "Child", none)
        [error] = {str(job.wait(20).error) for job in zoo.leave.enqueue_many([(0,)] * 1)}
        assert "no more processes" in error
    assert zoo.pid_of.enqueue().result(20)


async def test_coroutines_threads_and_processes_side_by_side(url: str) -> None:
    """1000 sleeping coroutines, a blocking function and a CPU-bound one in one worker, and the loop stays quick."""
    app = App(url)
    release = asyncio.Event()
    asleep: list[int] = []
    all_asleep = asyncio.Event()

    @app.task
    async def sleeper(n: int) -> int:
        asleep.append(n)
        if len(asleep) == 1000:
            all_asleep.set()
        await release.wait()
        return n

    @app.task
    def blocking() -> str:
        time.sleep(0.2)
        return "blocked"

    # A process finds its task by name, where it is defined: this app shares the zoo's.
    app._book.tasks[zoo.pid_of.name] = zoo.pid_of
    lags: list[float] = []

    async def heartbeat() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - before - 0.005)

    async with app, app.worker(concurrency=1100, processes=1):
        beating = asyncio.ensure_future(heartbeat())
        jobs = await sleeper.aenqueue_many([(n,) for n in range(1000)])
        slow = await blocking.aenqueue()
        cpu = await app.aenqueue_many([zoo.pid_of.call(1)])
        assert await slow.aresult(20) == "blocked"
        [pid] = [await job.aresult(20) for job in cpu]
        await all_asleep.wait()
        release.set()
        assert sorted([await job.aresult(20) for job in jobs]) == list(range(1000))
        beating.cancel()
    assert pid != os.getpid()
    assert statistics.median(lags) < 0.05
