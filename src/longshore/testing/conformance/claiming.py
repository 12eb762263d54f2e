"""The claim half of `Store.exchange`: which jobs, in which order, to one caller each."""

from __future__ import annotations

import threading

import pytest

from longshore import model
from longshore.model import Claim, Where
from longshore.stores.base import Store
from longshore.testing import failpoints
from longshore.testing.clock import Clock
from longshore.testing.samples import apply, claim, everything, job, jobs, number, running


def ids(found: list[model.JobRecord]) -> list[int]:
    """The numbers of sample jobs."""
    return [int(one.id, 16) for one in found]


class Claiming:
    """Examples about claims."""

    def test_a_claim_makes_what_the_model_says(self, store: Store, clock: Clock) -> None:
        clean = job(1, reason="parked once", attempt=4, failures=2, cancel_requested=True, result=b"x")
        crashed = job(2, crashes=1, started_at=3.0, worker="other", priority=-1)
        store.add([clean, crashed])
        now = clock.move(1.25)
        expected = [model.claimed(one, "me", now, 15.0) for one in (clean, crashed)]
        assert claim(store, worker="me") == expected
        assert expected[1].started_at is None
        assert everything(store) == {one.id: one for one in expected}

    def test_priority_then_due_time_then_id(self, store: Store, clock: Clock) -> None:
        now = clock()
        store.add(
            [
                job(1, at=now - 1),
                job(2, at=now - 2),
                job(3, priority=1),
                job(4, at=now - 2),
                job(5, priority=-1),
            ]
        )
        store.add([job(9, priority=100), job(8, priority=-100), job(7, priority=1, at=now - 9)])
        assert ids(claim(store)) == [9, 7, 3, 2, 4, 1, 5, 8]

    @pytest.mark.parametrize("queues", [1, 4])
    @pytest.mark.parametrize("limit", [1, 2, 3, 5])
    def test_the_order_holds_under_a_limit(self, store: Store, clock: Clock, limit: int, queues: int) -> None:
        for n in range(1, 21):
            priority, queue = n % 3, f"q{n % queues}"
            store.add([job(n, priority=priority, queue=queue, at=clock() - (n * 7) % 5)])
        wanted = sorted(everything(store).values(), key=lambda one: (-one.priority, one.run_at, one.id))
        found: list[int] = []
        while some := claim(store, limit):
            assert len(some) == min(limit, 20 - len(found))
            found += ids(some)
        assert found == ids(wanted)

    def test_due_exactly_now(self, store: Store, clock: Clock) -> None:
        store.add([job(1, at=clock() + 10)])
        clock.move(9.999)
        assert claim(store) == []
        clock.move(0.001)
        clock.set(1_700_000_010.0)
        assert ids(claim(store)) == [1]

    def test_a_job_due_later_does_not_hold_up_one_due_now(self, store: Store, clock: Clock) -> None:
        store.add([job(1, at=clock() + 1, priority=5), job(2)])
        assert ids(claim(store, 1)) == [2]

    def test_only_the_queues_asked_for(self, store: Store) -> None:
        store.add([job(1, queue="a"), job(2, queue="b"), job(3, queue="c"), job(4, queue="a")])
        assert claim(store, queues=[]) == []
        assert claim(store, queues=["nobody", "A"]) == []
        assert ids(claim(store, queues=["a", "c", "a"])) == [1, 3, 4]
        assert ids(claim(store)) == [2]

    def test_paused_queues_wait(self, store: Store) -> None:
        store.add([job(1, queue="a", priority=9), job(2, queue="b")])
        store.put("paused", "a", {})
        assert ids(claim(store)) == [2]
        assert claim(store, queues=["a"]) == []
        assert store.exchange([], Claim("w", 1, 15.0)).next_at is None
        store.drop("paused", "a")
        assert ids(claim(store)) == [1]

    def test_a_pause_can_end_by_itself(self, store: Store, clock: Clock) -> None:
        store.add([job(1)])
        store.put("paused", "default", {}, expires=10.0)
        store.put("other", "default", {})
        clock.move(9.0)
        assert claim(store) == []
        clock.move(1.0)
        assert ids(claim(store)) == [1]

    def test_the_limit_is_kept(self, store: Store) -> None:
        store.add(jobs(10))
        assert claim(store, 0) == []
        assert [len(claim(store, 4)) for _ in range(4)] == [4, 4, 2, 0]

    def test_only_queued_jobs(self, store: Store) -> None:
        states: tuple[model.State, ...] = ("waiting", "running", "succeeded", "failed", "cancelled", "held")
        store.add([job(n, state=state) for n, state in enumerate(states)])
        assert claim(store) == []

    def test_next_at_is_when_to_ask_again(self, store: Store, clock: Clock) -> None:
        now = clock()
        asked = Claim("w", 2, 15.0)
        assert store.exchange([], asked).next_at is None
        store.add([job(1, at=now + 30), job(2, at=now + 20, queue="b", priority=-5), job(3), job(4)])
        assert store.exchange([], asked) == (frozenset(), claim_result(store, 3, 4), None)
        assert store.exchange([], asked).next_at == now + 20
        assert store.exchange([], Claim("w", 2, 15.0, ("default",))).next_at == now + 30
        assert store.exchange([], Claim("w", 2, 15.0, ("none",))).next_at is None
        store.add([job(5)])
        got = store.exchange([], asked)
        assert (ids(got.jobs), got.next_at) == ([5], now + 20)
        clock.move(20.0)
        assert store.exchange([], asked).next_at == now + 30

    def test_a_retried_or_released_job_is_claimed_again(self, store: Store, clock: Clock) -> None:
        (first,) = running(store, job(1))
        apply(store, model.failed(first, model.Failure("E", "", "", 1, 0.0), clock(), 5.0))
        assert claim(store) == []
        clock.move(5.0)
        (second,) = claim(store)
        assert (second.attempt, second.failures) == (2, 1)
        apply(store, model.released(second, clock()))
        assert [one.attempt for one in claim(store)] == [3]

    def test_each_job_to_one_caller(self, store: Store) -> None:
        store.add(jobs(400))
        got: list[list[str]] = [[], [], [], []]
        start = threading.Barrier(4)

        def take(mine: list[str], worker: str) -> None:
            start.wait(10)
            while some := claim(store, 7, worker):
                mine.extend(one.id for one in some)

        threads = [threading.Thread(target=take, args=(mine, f"w{n}")) for n, mine in enumerate(got)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        everyone = [one for mine in got for one in mine]
        assert sorted(everyone) == [one.id for one in jobs(400)]
        assert {one.worker for one in store.find(Where(), 500)} == {f"w{n}" for n in range(4) if got[n]}

    def test_an_interrupted_exchange_leaves_nothing(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        store.add([job(2)])
        before = everything(store)
        with (
            failpoints.at("exchange.before_commit", failpoints.fail(RuntimeError("stop"))),
            pytest.raises(RuntimeError, match="stop"),
        ):
            store.exchange([model.succeeded(one, b"r", clock())], Claim("w", 5, 15.0))
        assert everything(store) == before
        assert store.exchange([model.succeeded(one, b"r", clock())], Claim("w", 5, 15.0)).accepted == {one.id}


def claim_result(store: Store, *numbers: int) -> list[model.JobRecord]:
    """The sample jobs with these numbers, as they are now."""
    return [store.get([number(n)])[number(n)] for n in numbers]
