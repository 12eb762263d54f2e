"""One key, one job: however many processes ask at once, and free again on every way out."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from longshore import App, Discard, Job, Retry, UniqueConflict
from longshore.model import Change, Claim, held
from longshore.testing.processes import Program
from longshore.testing.waiting import until

CHILD = str(Path(__file__).with_name("unique_child.py"))


def race(tmp_path: Path, processes: int, mode: str) -> list[tuple[str, str]]:
    """What each process said: ("got" or "refused", the job's id)."""
    url, go = f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path / "go"
    with App(url) as app, Program(CHILD, url, mode, str(go), str(processes)) as program:
        until(lambda: program.lines.count("ready") == processes, "all of them to be ready")
        go.touch()
        assert program.end() == 0, program.output
        assert app.store.count() == {("default", "queued"): 1}
    said = (line.split() for line in program.lines if line != "ready")
    return [(what, job) for what, job in said]


def test_a_hundred_processes_enqueue_one_key(tmp_path: Path) -> None:
    said = race(tmp_path, 100, "existing")
    assert [what for what, _ in said] == ["got"] * 100
    assert len({job for _, job in said}) == 1


def test_of_many_processes_that_insist_one_gets_it(tmp_path: Path) -> None:
    said = race(tmp_path, 12, "reject")
    assert sorted(what for what, _ in said) == ["got"] + ["refused"] * 11
    assert len({job for _, job in said}) == 1


def test_fifty_callers_in_one_process(app: App) -> None:
    @app.task
    def mail(user: int) -> int:
        return user

    async def all_at_once() -> set[str]:
        asked = mail.using(unique="one")
        return {job.id for job in await asyncio.gather(*(asked.aenqueue(n) for n in range(50)))}

    assert len(asyncio.run(all_at_once())) == 1


ENDS = {
    "succeeded": ["succeeded"],
    "failed": ["failed", "too large", "not encodable", "timeout"],
    "cancelled": ["discarded", "expired", "cancelled before", "cancelled running"],
    "held": ["held", "crashed", "undecodable"],
}
WAYS_OUT = [way for ways in ENDS.values() for way in ways]


async def leave(way: str) -> object:
    """End as asked."""
    if way == "failed":
        raise ValueError
    if way == "discarded":
        raise Discard("no use")
    if way in ("cancelled running", "timeout"):
        await asyncio.Event().wait()
    return {"too large": "x" * 2000, "not encodable": object()}.get(way, "done")


def meddle(app: App, job: Job[object], way: str) -> None:
    """What happens to the job before a worker sees it."""
    if way == "cancelled before":
        job.cancel()
    elif way == "held":
        [record] = app.store.exchange((), Claim("ghost", 1, 60)).jobs
        assert app.store.apply([held(record, "by hand", app.store.now())])
    elif way == "crashed":
        app.store.exchange((), Claim("ghost", 1, 0.001))
    elif way == "undecodable":
        assert app.store.apply([Change(job.id, "queued", 0, {"args": b"\x01\xc1damaged"})])
    elif way == "expired":
        until(lambda: app.store.now() > job.record.created_at + 0.001, "the expiry")


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_key_is_free_on_every_way_out(url: str, way: str) -> None:
    begun = threading.Event()
    with App(url, lease=0.3, sweep=0.05, max_crashes=1, max_result=1000) as app:

        @app.task(timeout=0.1 if way == "timeout" else None, unique="k", unique_mode="reject")
        async def work(way: str) -> object:
            begun.set()
            return await leave(way)

        job = work.using(**({"expires": 0.001} if way == "expired" else {})).enqueue(way)
        with pytest.raises(UniqueConflict):
            work.enqueue("succeeded")
        meddle(app, job, way)
        with app.worker():
            if way == "cancelled running":
                assert begun.wait(20)
                job.cancel()
            state = job.wait(20).state
            again = work.enqueue("succeeded")
            assert again.id != job.id
            assert again.result(20) == "done"
    assert way in ENDS[state]


def test_a_retrying_job_keeps_its_key(app: App) -> None:
    @app.task(unique="k", retry=Retry(1, delay=3600))
    def work() -> None:
        raise ValueError

    job = work.enqueue()
    with app.worker():
        until(lambda: job.refresh().record.failures, "the first failure")
    assert work.enqueue().id == job.id


def test_replacing_changes_a_waiting_job_and_no_running_one(app: App) -> None:
    begun, go = threading.Event(), threading.Event()

    @app.task(unique="k", unique_mode="replace")
    def work(n: int) -> int:
        begun.set()
        assert go.wait(20)
        return n

    first = work.using(priority=1).enqueue(1)
    assert work.using(priority=7).enqueue(2).id == first.id
    assert first.refresh().record.priority == 7
    with app.worker():
        assert begun.wait(20)
        assert work.enqueue(3).id == first.id
        go.set()
        assert first.result(20) == 2
