"""Jobs whose worker died run again soon, also when they are many and long."""

import threading
import time

from longshore import App, model
from longshore.model import Claim
from longshore.testing.waiting import until
from longshore.worker import suspects

MANY = 20


def test_long_jobs_of_a_dead_worker_do_not_wait_for_each_other(url, monkeypatch):
    """They are begun one by one, but do not each have two seconds for themselves."""
    monkeypatch.setattr(suspects, "BATCH", 1.0)
    monkeypatch.setattr(suspects, "SHORTEST", 0.02)
    go = threading.Event()
    app = App(url, lease=60)

    @app.task(name="long")
    def long() -> bool:
        return go.wait(60)

    with app:
        jobs = long.enqueue_many([()] * MANY)
        dead = app.store.exchange([], Claim("dead", MANY, 60.0)).jobs
        app.store.apply([model.crashed(one, app.store.now(), "it died", 3) for one in dead])
        with app.worker(concurrency=MANY) as worker:
            began = time.monotonic()
            until(lambda: sum(bool(run.begun) for run in worker.feed.runs.values()) == MANY, "all to run", 30)
            took = time.monotonic() - began
            go.set()
            assert all(job.result(20) for job in jobs)
        assert 0.4 < took < 15
        assert {job.refresh().attempt for job in jobs} == {2}
