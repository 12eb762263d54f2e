"""A worker under load whose server forgets what it was told; hints after a restart; forks. More: tests/reconnect."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from longshore import App
from longshore.errors import StoreError
from longshore.model import Where
from longshore.testing.waiting import until
from servers.valkey import Valkey, valkey


class Load:
    """Enqueues one job after another, whatever happens, and remembers those that were acknowledged."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.task = app.task(name="add")(lambda n: n + 1)
        self.acknowledged: list[str] = []
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        n = 0
        while not self._stop.wait(0.001):
            n += 1
            try:
                self.acknowledged.append(self.task.enqueue(n).id)
            except StoreError:
                self.refused += 1

    def done(self) -> int:
        return self.app.store.count().get(("default", "succeeded"), 0)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Valkey]:
    with valkey(appendonly="yes", appendfsync="everysec") as server:
        yield server


def goes_on(load: Load) -> None:
    done, acknowledged = load.done(), len(load.acknowledged)
    until(lambda: len(load.acknowledged) > acknowledged + 20, "jobs to be stored again")
    until(lambda: load.done() > done + 20, "jobs to be done again")


def test_a_worker_goes_on_when_the_server_forgot_the_scripts(server):
    app = App(f"{server.url}?timeout=0.5", lease=2.0, sweep=0.5)
    with Load(app) as load, app.worker(concurrency=20):
        for _ in range(2):
            until(lambda: load.done() > 20, "jobs to be done")
            assert server.say("SCRIPT FLUSH") == "+OK"
            goes_on(load)
        load.__exit__()
        everyone = set(load.acknowledged)
        until(lambda: not app.store.find(Where(states=("queued", "running")), 1), "all jobs to be over")
        found = app.store.get(load.acknowledged)
        assert {found[one].state for one in everyone} == {"succeeded"}
    app.close()


def test_hints_arrive_again_after_a_restart(server):
    app = App(server.url)
    heard = threading.Event()
    app.store.subscribe(["job:1"], heard.set)
    other = App(server.url)
    server.kill()
    server.start()
    until(heard.is_set, "everybody to be told to look")
    heard.clear()
    until(lambda: other.store.publish(["job:1"]) or heard.is_set(), "a hint")
    app.close()
    other.close()


def test_a_forked_child_has_connections_of_its_own(server):
    import os

    app = App(server.url)
    store = app.store
    store.put("k", "parent", {})
    child = os.fork()
    if child == 0:
        try:
            store.put("k", "child", {})
            store.close()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert set(store.list("k")) == {"parent", "child"}
    app.close()
