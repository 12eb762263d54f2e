"""Changes and leases: nothing is written by somebody who lost the job."""

from __future__ import annotations

import threading

import msgspec
import pytest

from longshore import model
from longshore.model import Change, Claim
from longshore.stores.base import Store
from longshore.testing.clock import Clock
from longshore.testing.conformance.claiming import ids
from longshore.testing.samples import apply, claim, everything, job, jobs, number, running

FAILURE = model.Failure("E", "message", "traceback", 1, 0.0)


class Changing:
    """Examples about `exchange` and `apply`."""

    def test_what_a_change_sets_and_nothing_else(self, store: Store, clock: Clock) -> None:
        (one, other) = running(store, job(1, keep=60.0), job(2))
        change = model.succeeded(one, b"result", clock() + 0.1)
        assert store.apply([change]) == {one.id}
        assert everything(store) == {one.id: msgspec.structs.replace(one, **change.values), other.id: other}

    @pytest.mark.parametrize("count", [1, 2, 7, 64, 65, 200])
    def test_a_batch_of_any_size(self, store: Store, clock: Clock, count: int) -> None:
        claimed = running(store, *jobs(count))
        changes = [model.succeeded(one, one.id.encode(), clock() + n / 7) for n, one in enumerate(claimed)]
        answer = store.exchange(changes, Claim("w", 5, 15.0))
        assert answer == (frozenset(one.id for one in claimed), [], None)
        assert everything(store) == {
            one.id: msgspec.structs.replace(one, **change.values)
            for one, change in zip(claimed, changes, strict=True)
        }

    def test_kinds_of_changes_mixed_in_a_batch(self, store: Store, clock: Clock) -> None:
        a, b, c, d, e = running(store, *jobs(5))
        store.add([job(6)])
        changes = [
            model.succeeded(a, None, clock()),
            model.failed(b, FAILURE, clock(), None),
            model.failed(c, FAILURE, clock(), 9.0),
            model.progressed(d, b"{}"),
            model.succeeded(e, b"", clock()),
            Change(number(6), "queued", 0, {"cancel_requested": True}),
        ]
        assert store.apply(changes) == {change.id for change in changes}
        found = everything(store)
        assert [found[number(n)].state for n in range(1, 7)] == [
            "succeeded",
            "failed",
            "queued",
            "running",
            "succeeded",
            "queued",
        ]
        assert (found[number(1)].result, found[number(5)].result) == (None, b"")
        assert found[number(6)].cancel_requested is True

    def test_refused_unless_id_state_and_attempt_fit(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        good = model.succeeded(one, b"r", clock())
        for stale in (
            msgspec.structs.replace(good, attempt=0),
            msgspec.structs.replace(good, attempt=2),
            msgspec.structs.replace(good, state="queued"),
            msgspec.structs.replace(good, id=number(2)),
        ):
            assert store.apply([stale]) == frozenset()
            assert store.exchange([stale], None) == (frozenset(), [], None)
        assert everything(store) == {one.id: one}
        assert store.apply([good]) == {one.id}
        assert store.apply([good]) == frozenset()

    def test_one_stale_change_does_not_spoil_the_others(self, store: Store, clock: Clock) -> None:
        claimed = running(store, *jobs(100))
        changes = [model.succeeded(one, b"r", clock()) for one in claimed]
        changes[37] = msgspec.structs.replace(changes[37], attempt=9)
        answer = store.exchange(changes, Claim("w", 3, 15.0))
        assert answer.accepted == {one.id for one in claimed} - {claimed[37].id}
        assert store.count() == {("default", "succeeded"): 99, ("default", "running"): 1}

    def test_changes_of_one_job_are_made_in_order(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        done = model.succeeded(one, b"r", clock())
        first, second = model.progressed(one, b"1"), model.progressed(one, b"2")
        assert store.apply([first, second, done, model.progressed(one, b"3")]) == {one.id}
        found = store.get([one.id])[one.id]
        assert (found.state, found.progress) == ("succeeded", b"2")

    def test_changes_come_before_the_claim(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        answer = store.exchange([model.released(one, clock())], Claim("w", 5, 15.0))
        assert answer.accepted == {one.id}
        assert [(found.id, found.attempt) for found in answer.jobs] == [(one.id, 2)]

    def test_nothing_asked_nothing_done(self, store: Store) -> None:
        store.add([job(1)])
        assert store.exchange([], None) == (frozenset(), [], None)
        assert store.apply([]) == frozenset()
        assert store.apply([Change(number(1), "queued", 0, {})]) == {number(1)}
        assert everything(store) == {number(1): job(1)}

    def test_a_change_may_move_a_job_to_another_queue(self, store: Store) -> None:
        store.add([job(1)])
        store.apply([Change(number(1), "queued", 0, {"queue": "other", "priority": 5})])
        assert claim(store, queues=["default"]) == []
        assert store.count() == {("other", "queued"): 1}
        assert ids(claim(store, queues=["other"])) == [1]

    def test_late_writers_are_refused_after_a_takeover(self, store: Store, clock: Clock) -> None:
        (slow,) = running(store, job(1))
        clock.move(15.0)
        apply(store, model.crashed(slow, clock(), "its lease lapsed", 3))
        (fast,) = claim(store, worker="other")
        late = [
            model.progressed(slow, b"{}"),
            model.begun(slow, clock()),
            model.succeeded(slow, b"late", clock()),
            model.failed(slow, FAILURE, clock(), 1.0),
            model.released(slow, clock()),
            model.held(slow, "late", clock()),
            model.cancelled(slow, clock(), "late"),
            model.crashed(slow, clock(), "late", 3),
        ]
        for change in late:
            assert store.apply([change]) == frozenset()
        assert store.exchange(late, None).accepted == frozenset()
        assert store.extend([(slow.id, slow.attempt)], 15.0) == {}
        assert everything(store) == {fast.id: fast}
        assert apply(store, model.succeeded(fast, b"fast", clock())) == {fast.id}

    def test_only_one_of_many_writers_wins(self, store: Store, clock: Clock) -> None:
        claimed = running(store, *jobs(50))
        won: list[frozenset[str]] = []
        start = threading.Barrier(4)

        def write(result: bytes) -> None:
            start.wait(10)
            for one in claimed:
                won.append(store.apply([model.succeeded(one, result, clock())]))

        threads = [threading.Thread(target=write, args=(bytes([n]),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(one for ids in won for one in ids) == [one.id for one in claimed]


class Leases:
    """Examples about `extend`."""

    def test_leases_held_are_moved(self, store: Store, clock: Clock) -> None:
        one, other = running(store, job(1), job(2))
        now = clock.move(5.5)
        assert store.extend([(one.id, 1)], 20.0) == {one.id: False}
        assert everything(store) == {
            one.id: msgspec.structs.replace(one, lease_until=now + 20.0),
            other.id: other,
        }

    def test_a_lease_may_also_be_shortened(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        store.extend([(one.id, 1)], 0.0)
        assert everything(store)[one.id].lease_until == clock()

    def test_nothing_to_extend(self, store: Store) -> None:
        assert store.extend([], 15.0) == {}

    def test_a_cancel_request_comes_back(self, store: Store, clock: Clock) -> None:
        one, other = running(store, job(1), job(2))
        apply(store, model.cancel(one, clock(), "asked"))
        assert store.extend([(one.id, 1), (other.id, 1)], 15.0) == {one.id: True, other.id: False}

    def test_leases_lost_are_absent_and_stay_as_they_are(self, store: Store, clock: Clock) -> None:
        done, again, kept = running(store, *jobs(3))
        apply(store, model.succeeded(done, None, clock()), model.released(again, clock()))
        (taken,) = claim(store, worker="other")
        store.add([job(4)])
        before = everything(store)
        lost = [(done.id, 1), (again.id, 1), (again.id, 0), (number(4), 0), (number(9), 1), (kept.id, 2)]
        assert store.extend(lost, 99.0) == {}
        assert everything(store) == before
        assert store.extend([*lost, (kept.id, 1), (taken.id, 2)], 99.0) == {kept.id: False, taken.id: False}

    def test_a_lapsed_lease_nobody_took_is_still_held(self, store: Store, clock: Clock) -> None:
        (one,) = running(store, job(1))
        clock.move(1000.0)
        assert store.extend([(one.id, 1)], 15.0) == {one.id: False}
        assert apply(store, model.succeeded(one, None, clock())) == {one.id}

    def test_many_at_once(self, store: Store) -> None:
        claimed = running(store, *jobs(300))
        leases = [(one.id, one.attempt) for one in claimed]
        assert store.extend(leases, 20.0) == {one.id: False for one in claimed}
