"""Many jobs changed by hand at once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from longshore import App, Discard
from longshore.ids import new_id
from longshore.job import Job
from longshore.model import Claim, JobRecord


def stored(app: App, **values: object) -> Job[object]:
    now = app.store.now()
    record = JobRecord(new_id(), "t", "q", b"", now, now)
    [job] = app.store.add([replace(record, **values)])
    return app.job(job.id)


def test_retry_puts_back_what_ended(app: App) -> None:
    ended = [stored(app, state=state, failures=3) for state in ("failed", "held", "cancelled", "succeeded")]
    waiting = stored(app, run_at=app.store.now() + 60)
    stored(app, state="queued", unique="k")
    clashing = stored(app, state="failed", unique="k")
    ids = [job.id for job in [*ended, waiting, clashing]]
    assert app.jobs.retry_many([*ids, new_id()]) == {job.id for job in ended}
    assert {(job.refresh().state, job.record.failures) for job in ended} == {("queued", 0)}
    assert clashing.refresh().state == "failed"


def test_what_is_past_its_expiry_can_be_ended_without_a_worker(app: App) -> None:
    now = app.store.now()
    past = stored(app, expires_at=now - 1)
    others = [
        stored(app, expires_at=now + 60),
        stored(app),
        stored(app, expires_at=now - 1, failures=1),
        stored(app, expires_at=now - 1, state="running"),
    ]
    assert app.jobs.expire_many([past.id, *(job.id for job in others), new_id()]) == {past.id}
    assert (past.refresh().state, past.record.reason) == ("cancelled", "expired before it could begin")
    assert [job.refresh().state for job in others] == ["queued", "queued", "queued", "running"]


def test_hasten_makes_due_what_waits_for_its_time(app: App) -> None:
    later, due = stored(app, run_at=app.store.now() + 60), stored(app)
    failed = stored(app, state="failed", run_at=app.store.now() + 60)
    assert app.jobs.hasten_many([later.id, due.id, failed.id]) == {later.id}
    assert not app.jobs.hasten(later.id)
    claimed = app.store.exchange([], Claim("w", 10, 5.0)).jobs
    assert {job.id for job in claimed} == {later.id, due.id}


def test_cancel_answers_for_each(app: App) -> None:
    queued, held, done = stored(app), stored(app, state="held"), stored(app, state="succeeded")
    running = stored(app, priority=9)
    [claimed] = app.store.exchange([], Claim("w", 1, 5.0)).jobs
    assert claimed.id == running.id
    answers = app.jobs.cancel_many([queued.id, held.id, done.id, running.id, new_id()], "not wanted")
    assert answers == {queued.id: "cancelled", held.id: "cancelled", done.id: "too late", running.id: "asked"}
    assert queued.refresh().reason == "not wanted"
    assert running.refresh().record.cancel_requested


@pytest.mark.parametrize("url", ["memory", "sqlite"], indirect=True)
def test_who_waits_hears_of_it(app: App) -> None:
    @app.task
    def stop() -> None:
        raise Discard("done with")

    jobs = [stop.using(delay=3600).enqueue() for _ in range(2)]
    with app.worker():
        app.jobs.hasten_many([job.id for job in jobs])
        assert {job.wait(timeout=10).reason for job in jobs} == {"done with"}
        app.jobs.retry_many([job.id for job in jobs])
        assert {job.wait(timeout=10).attempt for job in jobs} == {2}
