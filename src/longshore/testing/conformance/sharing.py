"""A store that several processes share."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence

import pytest

from longshore import model
from longshore.model import Claim
from longshore.stores.base import Store
from longshore.testing.children import children, output, python
from longshore.testing.conformance.stand import Stand
from longshore.testing.samples import apply, claim, everything, job, jobs, number, running

_START = """
from longshore.stores import open_store
from longshore.testing.samples import job, jobs, claim, number
from longshore.testing import failpoints
from longshore import model
store = open_store(sys.argv[1]); store.open()
"""
#: Forks, because a hundred starts of the interpreter would take most of the time. Each child opens the store itself.
_HUNDRED = """
import os, sys
from longshore.stores import open_store
from longshore.testing.samples import job
open_store(sys.argv[1])  # what it needs is imported once, not a hundred times
go, starter = os.pipe(); answers, answer = os.pipe(); readies, ready = os.pipe()
for n in range(100):
    if os.fork() == 0:
        try:
            os.close(starter)
            store = open_store(sys.argv[1]); store.open()
            os.write(ready, b"r")
            os.read(go, 1)
            os.write(answer, store.add([job(n, unique="k")])[0].id.encode() + b" ")
            store.close()
        finally:
            os._exit(sys.exc_info()[0] is not None)
os.close(ready)
waiting = 100
while waiting:
    got = len(os.read(readies, waiting))
    assert got, "a child died"
    waiting -= got
os.close(starter)
assert {os.wait()[1] for n in range(100)} == {0}
os.close(answer)
print(os.read(answers, 10_000).decode())
"""
_ADD_MANY = (
    _START
    + """
first = int(sys.argv[2])
for start in range(first, first + 100, 10):
    store.add(jobs(10, start=start))
store.close()
"""
)
_TAKE = (
    _START
    + """
print("ready", flush=True); sys.stdin.readline()
changes, mine = [], []
while True:
    done = store.exchange(changes, model.Claim(sys.argv[2], 7, 1000.0))
    mine += done.accepted
    changes = [model.succeeded(one, b"", store.now()) for one in done.jobs]
    if not changes:
        break
print(*mine)
store.close()
"""
)
_DIE = (
    _START
    + """
failpoints.install(sys.argv[2], failpoints.kill)
CALL
"""
)
_HEAR = (
    _START
    + """
import threading
heard = threading.Event()
store.subscribe([sys.argv[2]], heard.set)
print("ready", flush=True)
assert heard.wait(30)
print("heard")
store.close()
"""
)


class Sharing:
    """Examples with several stores at one place, and with real processes."""

    def test_all_see_the_same(self, stand: Stand) -> None:
        one, other = stand.store, stand.another()
        one.add([job(1), job(2)])
        assert everything(other) == everything(one)
        other.put("paused", "default", {})
        assert claim(one) == []
        one.drop("paused", "default")
        claimed = claim(other, 1)
        assert apply(one, model.succeeded(claimed[0], b"r", stand.clock())) == {number(1)}
        assert apply(other, model.succeeded(claimed[0], b"r", stand.clock())) == frozenset()
        assert [found.id for found in claim(one)] == [number(2)]

    def test_many_threads_on_two_stores_take_each_job_once(self, stand: Stand) -> None:
        stores = [stand.store, stand.another()]
        stand.store.add(jobs(300))
        got: list[list[str]] = [[], [], [], []]

        def take(mine: list[str], store: Store) -> None:
            changes: list[model.Change] = []
            while True:
                done = store.exchange(changes, Claim("w", 5, 1000.0))
                mine.extend(done.accepted)
                changes = [model.succeeded(found, b"", 0.0) for found in done.jobs]
                if not changes:
                    return

        threads = [threading.Thread(target=take, args=(mine, stores[n % 2])) for n, mine in enumerate(got)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(one for mine in got for one in mine) == [one.id for one in jobs(300)]

    def test_a_hundred_processes_and_one_unique_key(self, stand: Stand) -> None:
        with children([(_HUNDRED, stand.url)]) as (child,):
            answers = output(child).split()
        assert len(answers) == 100
        assert list(everything(stand.store)) == list(set(answers))

    def test_processes_that_create_the_store_at_once(self, stand: Stand) -> None:
        codes = [(_ADD_MANY, stand.url, str(n * 100)) for n in range(6)]
        with children(codes) as started:
            for child in started:
                output(child)
        assert sorted(everything(stand.another())) == [number(n) for n in range(600)]

    def test_processes_take_each_job_once(self, stand: Stand) -> None:
        stand.clock.set(0.0)
        stand.store.add(jobs(500))
        with children([(_TAKE, stand.url, f"w{n}") for n in range(3)]) as started:
            _release(started)
            taken = [one for child in started for one in output(child).split()]
        assert sorted(taken) == [one.id for one in jobs(500)]
        assert stand.store.count() == {("default", "succeeded"): 500}

    @pytest.mark.parametrize(
        ("point", "call", "stored"),
        [
            ("add.before_commit", "store.add(jobs(5))", 0),
            ("add.after_commit", "store.add(jobs(5))", 5),
        ],
    )
    def test_killed_while_adding(self, stand: Stand, point: str, call: str, stored: int) -> None:
        _die(stand, point, call)
        assert len(everything(stand.store)) == stored
        assert stand.store.add(jobs(5)) == jobs(5)
        assert len(everything(stand.another())) == 5

    @pytest.mark.parametrize(
        ("point", "happened"), [("exchange.before_commit", False), ("exchange.after_commit", True)]
    )
    def test_killed_while_settling_and_claiming(self, stand: Stand, point: str, happened: bool) -> None:
        (one,) = running(stand.store, job(1))
        stand.store.add([job(2)])
        before = everything(stand.store)
        _die(
            stand,
            point,
            "one = store.get([number(1)])[number(1)]\n"
            "store.exchange([model.succeeded(one, b'r', 1.0)], model.Claim('child', 5, 15.0))",
        )
        if happened:
            assert {found.state for found in everything(stand.store).values()} == {"succeeded", "running"}
            assert apply(stand.store, model.succeeded(one, b"r", 2.0)) == frozenset()
        else:
            assert everything(stand.store) == before
            assert apply(stand.store, model.succeeded(one, b"r", 2.0)) == {one.id}

    def test_killed_while_applying(self, stand: Stand) -> None:
        store = stand.store
        claimed = running(store, *jobs(3))
        before = everything(store)
        _die(
            stand,
            "apply.before_commit",
            "store.apply([model.succeeded(one, b'r', 1.0) for one in store.get([number(n) for n in (1, 2, 3)]).values()])",
        )
        assert everything(store) == before
        assert len(apply(store, *[model.succeeded(one, b"r", 2.0) for one in claimed])) == 3


class CrossHints:
    """Examples about hints between processes, for stores that carry them."""

    @pytest.mark.parametrize(
        ("asked", "published"),
        [("queue:a", ["queue:a"]), ("queue:*", ["queue:b"]), ("job:1", ["job:1"]), ("leases", ["leases"])],
    )
    def test_another_process_hears(self, stand: Stand, asked: str, published: Sequence[str]) -> None:
        with children([(_HEAR, stand.url, asked)]) as (child,):
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            stand.store.publish(published)
            assert output(child) == "heard\n"

    def test_another_store_hears_what_it_asked_for(self, stand: Stand) -> None:
        heard = threading.Event()
        unheard: list[int] = []
        other = stand.another()
        other.subscribe(["queue:a"], lambda: unheard.append(1))
        other.subscribe(["job:1"], lambda: unheard.append(2))
        other.subscribe(["leases"], heard.set)
        stand.store.publish(["queue:b", "job:2"])
        stand.store.publish(["leases"])
        assert heard.wait(10)
        assert unheard == []

    def test_very_many_topics_become_one_hint(self, stand: Stand) -> None:
        heard = threading.Event()
        stand.another().subscribe([f"job:{number(77)}"], heard.set)
        stand.store.publish([f"job:{number(n)}" for n in range(5000)])
        assert heard.wait(10)


def _release(started: Sequence[subprocess.Popen[str]]) -> None:
    for child in started:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in started:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()


def _die(stand: Stand, point: str, call: str) -> None:
    child = python(_DIE.replace("CALL", call), stand.url, point)
    _, err = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, err
