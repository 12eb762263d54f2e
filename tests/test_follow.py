"""What happens to the jobs of a queue is told once, in order."""

from __future__ import annotations

import threading

from longshore import App
from longshore.follow import Event, Follower
from longshore.model import JobRecord
from longshore.testing.waiting import until


def test_each_thing_is_told_once_and_in_order(app: App) -> None:
    gate = threading.Event()
    told: list[tuple[str, str]] = []

    @app.task
    def slow() -> None:
        gate.wait(20)

    @app.task
    def quick() -> None: ...

    def tell(event: Event, job: JobRecord) -> None:
        told.append((event, job.id))
        if job.task.endswith("quick"):
            raise ValueError("a broken listener stops nobody")

    before = quick.enqueue()
    other = quick.using(queue="other").enqueue()
    follower = Follower(lambda: app.store, "default", tell)
    try:
        with app.worker():
            job = slow.enqueue()
            until(lambda: ("started", job.id) in told, "the start")
            for _ in range(3):  # each makes it look again
                more = quick.enqueue()
                until(lambda more=more: ("ended", more.id) in told, "the end of another")  # type: ignore[misc]
            gate.set()
            until(lambda: ("ended", job.id) in told, "the end")
            gone = quick.using(delay=60).enqueue()
            until(lambda: ("queued", gone.id) in told, "one that waits")
            gone.cancel()
            until(lambda: ("ended", gone.id) in told, "its end")
    finally:
        follower.close()
    assert [event for event, job_id in told if job_id == job.id] == ["queued", "started", "ended"]
    assert [event for event, job_id in told if job_id == gone.id] == ["queued", "ended"]
    assert len(told) == len(set(told)) == 3 * 4 + 2
    assert not {job_id for _, job_id in told} & {before.id, other.id}


def test_many_at_once(app: App) -> None:
    told: list[str] = []

    @app.task
    def quick() -> None: ...

    follower = Follower(lambda: app.store, "default", lambda event, job: told.append(job.id))
    jobs = quick.enqueue_many([()] * 500)
    until(lambda: len(told) >= 500, "all of them")
    follower.close()
    assert told == [job.id for job in jobs]
