"""A worker asks its app for a task it does not know."""

from __future__ import annotations

from longshore import App
from longshore.testing.waiting import until


def test_a_task_made_when_it_is_asked_for(url: str) -> None:
    asked: list[str] = []

    def find(name: str) -> None:
        asked.append(name)
        if name == "broken":
            raise ValueError("no")
        if name == "late":
            app.task(name="late")(lambda number: number + 1)

    app = App(url, find_task=find)

    def call(number: int) -> int:
        return number

    calls = [app.task(name=name)(call).call(1) for name in ("late", "broken", "gone")]
    jobs = app.enqueue_many(calls)
    app._book.tasks.clear()
    with app.worker():
        assert jobs[0].result(timeout=20) == 2
        for job in jobs[1:]:
            until(lambda job=job: job.refresh().reason, "the job to be given back")  # type: ignore[misc]
            assert job.state == "queued"
    assert set(asked) == {"late", "broken", "gone"}
    assert asked.count("late") == 1
    app.close()
