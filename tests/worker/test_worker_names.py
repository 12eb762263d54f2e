"""A worker's name is its own: its jobs are known by it."""

import logging
import threading

import pytest

from longshore import App
from longshore.model import Where


def names(app: App) -> list[str]:
    return sorted(app.store.list("worker"))


def test_of_two_live_workers_with_one_name_the_second_is_renamed(url, caplog):
    app = App(url)
    with app, app.worker(name="web") as first:
        with caplog.at_level(logging.WARNING, "longshore.worker"), app.worker(name="web") as second:
            assert first.name == "web"
            assert second.name != "web"
            assert second.name.startswith("web:")
            assert f"this one is called {second.name!r}" in caplog.text
        with app.worker(name="other") as third:
            assert third.name == "other"
    with app, app.worker(name="web") as next_one:  # let go of when it ended
        assert next_one.name == "web"


def test_a_dead_worker_keeps_its_name_for_a_lease_only(url):
    app = App(url, lease=5.0)
    with app:
        assert app.store.hold("worker web", "who was killed", 0.05)
        threading.Event().wait(0.1)
        with app.worker(name="web") as worker:
            assert worker.name == "web"


@pytest.mark.parametrize("taken", [False, True])
def test_what_came_with_a_lost_answer_is_given_back_only_under_a_name_that_is_ours(url, taken):
    """Away for longer than its lease, a worker may find another under its name, whose jobs look like its own."""
    app = App(url)

    @app.task(name="never")
    def never() -> None: ...

    with app, app.worker(queues=["nothing"], name="web") as worker:
        job = never.enqueue()
        from longshore.model import Claim

        assert app.store.exchange([], Claim("web", 5, 60.0)).jobs
        if taken:
            worker._name.drop(app.store)
            assert app.store.hold("worker web", "another", 60.0)
        worker.feed.dealings._give_back_unheard(set())
        still = [one.id for one in app.store.find(Where(states=("running",)), 10)]
        assert still == ([job.id] if taken else [])
