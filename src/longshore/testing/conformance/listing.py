"""Reading, and what is removed when."""

from __future__ import annotations

import pytest

from longshore import model
from longshore.model import Change, Where
from longshore.stores.base import Store
from longshore.testing.clock import Clock
from longshore.testing.conformance.claiming import ids
from longshore.testing.samples import apply, claim, everything, job, jobs, number, running

SOME: tuple[tuple[model.State, ...], ...] = (("failed",), ("queued",), ("succeeded",), ("failed", "held"))


class Listing:
    """Examples about `find`, `count` and `oldest`."""

    def test_newest_first_by_pages(self, store: Store) -> None:
        store.add(jobs(10)[::-1])
        assert ids(store.find(Where(), 4)) == [10, 9, 8, 7]
        assert ids(store.find(Where(), 4, after=number(7))) == [6, 5, 4, 3]
        assert ids(store.find(Where(), 4, after=number(3))) == [2, 1]
        assert store.find(Where(), 4, after=number(1)) == []
        assert store.find(Where(), 0) == []

    @pytest.mark.parametrize("page", [1, 3, 7])
    def test_paging_while_everything_moves(self, store: Store, clock: Clock, page: int) -> None:
        """Who is there from the first page to the last is on exactly one of them, whatever becomes of him and others."""
        store.add([job(n, queue=f"q{n % 2}") for n in range(10, 50)])
        gone, seen, fresh = {number(12), number(21), number(47)}, list[str](), 100
        while more := store.find(Where(), page, seen[-1] if seen else None):
            seen += [one.id for one in more]
            # Newer ones come, some are done, some of those are removed: also the one the next page begins below.
            store.add([job(fresh), job(fresh + 1, state="held")])
            done = [model.succeeded(one, b"", clock()) for one in claim(store, 2)]
            store.apply(done)
            store.delete([seen[-1]] if seen[-1] in gone else [])
            fresh += 2
        assert seen == [number(n) for n in range(49, 9, -1)]

    def test_a_window_of_ids(self, store: Store) -> None:
        states: tuple[model.State, ...] = ("queued", "failed", "held", "succeeded")
        store.add([job(n, state=states[n % 4], queue=f"q{n % 2}", task="t") for n in range(20)])
        assert ids(store.find(Where(from_id=number(16)), 9)) == [19, 18, 17, 16]
        assert ids(store.find(Where(from_id=number(12)), 9, after=number(15))) == [14, 13, 12]
        assert ids(store.find(Where(from_id=number(12)), 2, after=number(15))) == [14, 13]
        assert ids(store.find(Where(from_id=number(5), queue="q1", task="t"), 4, after=number(12))) == [
            11,
            9,
            7,
            5,
        ]
        for some in SOME:
            expected = [n for n in range(18, 8, -1) if states[n % 4] in some]
            assert ids(store.find(Where(states=some, from_id=number(9)), 20, after=number(19))) == expected
        assert store.find(Where(from_id=number(16)), 9, after=number(16)) == []

    def test_the_newest_left_out(self, store: Store) -> None:
        states: tuple[model.State, ...] = ("queued", "failed", "held", "succeeded")
        store.add([job(n, state=states[n % 4], queue=f"q{n % 2}") for n in range(20)])
        assert ids(store.find(Where(skip=3), 2)) == [16, 15]
        assert ids(store.find(Where(skip=3), 2, after=number(10))) == [6, 5]
        assert ids(store.find(Where(skip=18), 5)) == [1, 0]
        assert store.find(Where(skip=20), 5) == []
        assert ids(store.find(Where(skip=2, queue="q1"), 3)) == [15, 13, 11]
        for some in SOME:
            expected = [n for n in range(19, -1, -1) if states[n % 4] in some]
            assert ids(store.find(Where(states=some, skip=2), 20)) == expected[2:]
            assert ids(store.find(Where(states=some, skip=1), 2)) == expected[1:3]

    def test_every_field_must_match(self, store: Store) -> None:
        store.add(
            [
                job(1, queue="a", task="t"),
                job(2, queue="a", task="u"),
                job(3, queue="b", task="t", unique="k"),
            ]
        )
        store.add([job(4, queue="a", task="t", state="held")])
        assert ids(store.find(Where(queue="a"), 9)) == [4, 2, 1]
        assert ids(store.find(Where(task="t"), 9)) == [4, 3, 1]
        assert ids(store.find(Where(queue="a", task="t"), 9)) == [4, 1]
        assert ids(store.find(Where(queue="a", task="t", states=("queued",)), 9)) == [1]
        assert ids(store.find(Where(unique="k"), 9)) == [3]
        assert store.find(Where(queue="nobody"), 9) == []

    @pytest.mark.parametrize("page", [1, 3, 100])
    def test_by_state(self, store: Store, page: int) -> None:
        states: tuple[model.State, ...] = (
            "queued",
            "waiting",
            "running",
            "succeeded",
            "failed",
            "cancelled",
            "held",
        )
        store.add([job(n, state=states[n % 7], queue=f"q{n % 2}") for n in range(28)])
        for some in [(), *[(state,) for state in states], ("queued", "held"), ("failed", "held"), states]:
            found: list[int] = []
            while more := store.find(Where(states=some), page, number(found[-1]) if found else None):
                assert len(more) <= page
                found += ids(more)
            assert found == [n for n in range(27, -1, -1) if states[n % 7] in some]

    def test_a_worker_has_what_is_leased_to_it(self, store: Store, clock: Clock) -> None:
        store.add(jobs(4))
        mine = claim(store, 2, worker="me")
        claim(store, 1, worker="other")
        apply(store, model.succeeded(mine[0], None, clock()))
        assert ids(store.find(Where(worker="me"), 9)) == [2]
        assert store.find(Where(worker="me", states=("succeeded",)), 9) == []

    def test_a_lease_is_over_exactly_when_it_ends(self, store: Store, clock: Clock) -> None:
        now = clock()
        (one,) = running(store, job(1))
        store.add([job(2), job(3, state="running", lease_until=now + 20)])
        assert one.lease_until == now + 15
        for where in (Where(lease_before=now + 14.999), Where(lease_before=now)):
            assert store.find(where, 9) == []
        assert ids(store.find(Where(lease_before=now + 15), 9)) == [1]
        assert ids(store.find(Where(lease_before=now + 15, states=("running",)), 9)) == [1]
        assert ids(store.find(Where(lease_before=now + 99), 9)) == [3, 1]
        assert ids(store.find(Where(lease_before=now + 99, worker="w"), 9)) == [1]
        assert ids(store.find(Where(lease_before=now + 99), 1, after=number(3))) == [1]

    def test_due_by_a_time(self, store: Store, clock: Clock) -> None:
        now = clock()
        store.add([job(1), job(2, at=now + 5), job(3, at=now + 6), job(4, state="failed"), job(5, queue="b")])
        assert ids(store.find(Where(due_before=now + 5), 9)) == [5, 2, 1]
        assert ids(store.find(Where(due_before=now + 5, queue="default"), 9)) == [2, 1]

    def test_blocked_are_queued_for_a_reason(self, store: Store, clock: Clock) -> None:
        one, two = running(store, job(1), job(2))
        apply(store, model.parked(one, "unknown task", clock()), model.held(two, "odd", clock()))
        store.add([job(3), job(4, queue="b", reason="")])
        assert ids(store.find(Where(blocked=True), 9)) == [4, 1]
        assert ids(store.find(Where(blocked=True, queue="default"), 9)) == [1]
        clock.move(60.0)
        claim(store)
        assert store.find(Where(blocked=True), 9) == []

    def test_counts_follow_every_change(self, store: Store, clock: Clock) -> None:
        assert store.count() == {}
        store.add([*jobs(3), job(4, queue="b"), job(5, state="waiting")])
        assert store.count() == {("default", "queued"): 3, ("b", "queued"): 1, ("default", "waiting"): 1}
        one, *_ = claim(store, 2, queues=["default"])
        assert store.count() == {
            ("default", "queued"): 1,
            ("default", "running"): 2,
            ("b", "queued"): 1,
            ("default", "waiting"): 1,
        }
        apply(store, model.succeeded(one, None, clock()), model.cancel(job(4, queue="b"), clock(), "asked"))
        assert store.count() == {
            ("default", "queued"): 1,
            ("default", "running"): 1,
            ("default", "succeeded"): 1,
            ("b", "cancelled"): 1,
            ("default", "waiting"): 1,
        }

    def test_the_oldest_due_job_of_each_queue(self, store: Store, clock: Clock) -> None:
        now = clock()
        assert store.oldest() == {}
        store.add(
            [
                job(1, at=now - 5),
                job(2, at=now - 9, priority=-3),
                job(3, at=now, queue="b"),
                job(4, queue="p"),
            ]
        )
        store.add([job(5, at=now + 1, queue="later"), job(6, state="failed", at=1.0), job(7, priority=8)])
        store.put("paused", "p", {})
        assert store.oldest() == {"default": now - 9, "b": now, "p": now}
        claim(store, 3, queues=["default"])
        assert store.oldest() == {"b": now, "p": now}


class Removing:
    """Examples about `delete` and `purge`."""

    def test_only_finished_and_held_jobs_are_deleted(self, store: Store) -> None:
        states: tuple[model.State, ...] = (
            "queued",
            "waiting",
            "running",
            "succeeded",
            "failed",
            "cancelled",
            "held",
        )
        store.add([job(n, state=state) for n, state in enumerate(states)])
        assert store.delete([]) == frozenset()
        assert store.delete([number(n) for n in range(9)]) == {number(n) for n in (3, 4, 5, 6)}
        assert sorted(everything(store)) == [number(n) for n in (0, 1, 2)]
        assert store.delete([number(3)]) == frozenset()
        assert store.count() == {("default", state): 1 for state in states[:3]}

    def test_kept_exactly_as_long_as_asked(self, store: Store, clock: Clock) -> None:
        claimed = running(store, job(1, keep=60.0), job(2, keep=0.0), job(3), job(4, keep=61.0))
        apply(store, *[model.succeeded(one, None, clock()) for one in claimed])
        assert store.purge(100) == 1
        clock.move(59.5)
        assert store.purge(100) == 0
        clock.move(0.5)
        assert store.purge(100) == 1
        assert sorted(everything(store)) == [number(3), number(4)]
        clock.move(1e9)
        assert store.purge(100) == 1
        assert sorted(everything(store)) == [number(3)]

    def test_every_final_state_is_purged_and_no_other(self, store: Store, clock: Clock) -> None:
        states: tuple[model.State, ...] = (
            "queued",
            "waiting",
            "running",
            "succeeded",
            "failed",
            "cancelled",
            "held",
        )
        past = clock() - 1
        store.add([job(n, state=state, purge_at=past) for n, state in enumerate(states)])
        store.add([job(20 + n, state=state, queue="b", purge_at=past) for n, state in enumerate(states)])
        assert store.purge(100) == 6
        assert {one.state for one in everything(store).values()} == {"queued", "waiting", "running", "held"}

    def test_a_little_at_a_time(self, store: Store, clock: Clock) -> None:
        store.add([job(n, state="failed", queue=f"q{n % 3}", purge_at=clock() - n) for n in range(25)])
        assert [store.purge(10) for _ in range(4)] == [10, 10, 5, 0]
        assert everything(store) == {}
        assert store.purge(0) == 0

    def test_a_job_retried_by_hand_is_not_purged(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1, keep=10.0))
        ended = model.failed(one, model.Failure("E", "", "", 1, 0.0), clock(), None)
        apply(store, ended)
        apply(store, model.retried(store.get([one.id])[one.id], clock()))
        clock.move(100.0)
        assert store.purge(100) == 0
        (again,) = claim(store)
        apply(store, model.succeeded(again, None, clock()))
        assert store.purge(100) == 0
        clock.move(10.0)
        assert store.purge(100) == 1

    def test_a_changed_purge_time_counts(self, store: Store, clock: Clock) -> None:
        store.add([job(1, state="failed", purge_at=clock() + 5)])
        store.apply([Change(number(1), "failed", 0, {"purge_at": clock() + 50})])
        clock.move(20.0)
        assert store.purge(100) == 0
        clock.move(30.0)
        assert store.purge(100) == 1
