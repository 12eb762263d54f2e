"""`Store.add`: all or nothing, once, and never two jobs with one unique key."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from longshore import model
from longshore.errors import StoreError
from longshore.model import JobRecord
from longshore.stores.base import Store
from longshore.testing import failpoints
from longshore.testing.clock import Clock
from longshore.testing.samples import HOSTILE, apply, claim, everything, job, jobs, number

FULL = JobRecord(
    id="0123456789abcdef0123456789abcdef",
    task="package.module.task",
    queue="mail",
    args=bytes(range(256)),
    run_at=1_700_000_000.123457,
    created_at=0.1 + 0.2,
    priority=-100,
    state="failed",
    attempt=7,
    failures=3,
    crashes=2,
    expires_at=1e300,
    keep=0.0,
    unique="key",
    unique_mode="replace",
    worker="host:1:abc",
    lease_until=5e-324,
    started_at=1_700_000_000.1,
    finished_at=1_700_000_000.2,
    purge_at=2_000_000_000.3,
    cancel_requested=True,
    reason="because",
    errors=b"[]",
    result=b"\0\xff",
    progress=b"{}",
    headers=b"\x80",
)


class Adding:
    """Examples about `add` and `get`."""

    def test_a_job_comes_back_as_it_was(self, store: Store) -> None:
        assert store.add([FULL]) == [FULL]
        found = store.get([FULL.id])[FULL.id]
        assert found == FULL
        assert found.cancel_requested is True
        assert type(found.run_at) is float

    def test_every_field_may_be_left_out(self, store: Store) -> None:
        (added,) = store.add([job(1)])
        found = store.get([added.id])[added.id]
        assert found == added == job(1)
        assert found.cancel_requested is False

    @pytest.mark.parametrize("text", HOSTILE)
    def test_any_text_comes_back(self, store: Store, text: str) -> None:
        odd = job(1, task=text, queue=text, unique=text, reason=text, worker=text)
        store.add([odd])
        assert store.get([odd.id]) == {odd.id: odd}
        assert store.count() == {(text, "queued"): 1}
        (claimed,) = claim(store, queues=[text], worker=text)
        assert (claimed.task, claimed.queue, claimed.unique, claimed.worker) == (text, text, text, text)
        assert store.find(model.Where(queue=text, task=text, worker=text, unique=text), 10) == [claimed]
        (holder,) = store.add([job(2, unique=text)])
        assert holder == claimed

    def test_many_are_stored_in_one_call_and_answered_in_order(self, store: Store) -> None:
        many = jobs(777)[::-1]
        assert store.add(many) == many
        assert everything(store) == {one.id: one for one in many}

    def test_fresh_and_used_jobs_can_come_together(self, store: Store) -> None:
        many = [*jobs(70), FULL, *jobs(70, start=100)]
        assert store.add(many) == many
        assert everything(store) == {one.id: one for one in many}

    def test_nothing_to_add_is_nothing(self, store: Store) -> None:
        assert store.add([]) == []
        assert store.get([]) == {}

    def test_jobs_that_do_not_exist_are_left_out(self, store: Store) -> None:
        store.add([job(1)])
        assert store.get([number(1), number(2), number(1)]) == {number(1): job(1)}

    def test_the_same_id_is_stored_once(self, store: Store) -> None:
        store.add([job(1, task="first")])
        assert store.add([job(1, task="second"), job(2)]) == [job(1, task="first"), job(2)]
        assert store.add([job(3), job(3, task="later")]) == [job(3), job(3)]
        assert everything(store) == {number(1): job(1, task="first"), number(2): job(2), number(3): job(3)}

    def test_a_repeated_enqueue_sees_how_far_the_job_is(self, store: Store) -> None:
        store.add([job(1)])
        claimed = claim(store)
        assert store.add([job(1)]) == claimed

    def test_all_or_nothing(self, store: Store) -> None:
        with (
            failpoints.at("add.before_commit", failpoints.fail(RuntimeError("stop"))),
            pytest.raises(RuntimeError, match="stop"),
        ):
            store.add(jobs(3))
        assert everything(store) == {}
        assert store.count() == {}
        assert store.add(jobs(3)) == jobs(3)

    def test_a_failure_after_the_commit_does_not_undo_it(self, store: Store) -> None:
        with (
            failpoints.at("add.after_commit", failpoints.fail(RuntimeError("stop"))),
            pytest.raises(RuntimeError, match="stop"),
        ):
            store.add([job(1)])
        assert store.add([job(1)]) == [job(1)]
        assert len(everything(store)) == 1


class Uniqueness:
    """Examples about unique keys: held in three states, free in all others."""

    @pytest.mark.parametrize("mode", [None, "existing", "reject"])
    def test_the_holder_comes_back(self, store: Store, mode: model.UniqueMode | None) -> None:
        store.add([job(1, unique="k", unique_mode=mode)])
        assert store.add([job(2, unique="k", unique_mode=mode)]) == [job(1, unique="k", unique_mode=mode)]
        assert number(2) not in everything(store)

    def test_other_keys_and_no_key_are_free(self, store: Store) -> None:
        many = [job(1, unique="k"), job(2, unique="K"), job(3, unique=""), job(4), job(5)]
        assert store.add(many) == many

    @pytest.mark.parametrize("state", ["queued", "waiting", "running"])
    def test_held_while_in(self, store: Store, state: model.State) -> None:
        holder = job(1, unique="k", state=state)
        store.add([holder])
        assert store.add([job(2, unique="k")]) == [holder]

    @pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "held"])
    def test_free_when(self, store: Store, state: model.State) -> None:
        store.add([job(1, unique="k", state=state)])
        assert store.add([job(2, unique="k")]) == [job(2, unique="k")]
        assert store.add([job(3, unique="k")]) == [job(2, unique="k")]

    @pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "held"])
    def test_a_finished_job_does_not_ask_for_its_key(self, store: Store, state: model.State) -> None:
        store.add([job(1, unique="k")])
        finished = job(2, unique="k", state=state)
        assert store.add([finished]) == [finished]

    def test_freed_on_every_path(self, store: Store, clock: Clock) -> None:
        now = clock()
        paths: list[Callable[[JobRecord], model.Change]] = [
            lambda one: model.succeeded(one, None, now),
            lambda one: model.failed(one, model.Failure("E", "", "", 1, now), now, None),
            lambda one: model.cancelled(one, now, "asked"),
            lambda one: model.held(one, "odd", now),
        ]
        for n, path in enumerate(paths):
            first = job(10 + n, unique="k")
            assert store.add([first]) == [first]
            (claimed,) = claim(store)
            assert store.add([job(50, unique="k")]) == [claimed]
            apply(store, path(claimed))
        cancelled = job(30, unique="k")
        store.add([cancelled])
        apply(store, model.cancel(cancelled, now, "asked"))
        assert store.add([job(31, unique="k")]) == [job(31, unique="k")]

    def test_kept_while_a_job_waits_for_its_retry(self, store: Store, clock: Clock) -> None:
        store.add([job(1, unique="k")])
        (claimed,) = claim(store)
        apply(store, model.failed(claimed, model.Failure("E", "", "", 1, 0.0), clock(), 60.0))
        assert store.add([job(2, unique="k")])[0].id == number(1)

    def test_freed_by_removal(self, store: Store) -> None:
        store.add([job(1, unique="k", state="held"), job(2, unique="k")])
        store.delete([number(1)])
        assert store.add([job(3, unique="k")]) == [job(2, unique="k")]

    def test_one_of_a_batch_gets_it(self, store: Store) -> None:
        many = [job(n, unique="k") for n in (5, 3, 9)]
        assert store.add([job(1), *many, job(2)]) == [job(1), many[0], many[0], many[0], job(2)]
        assert sorted(everything(store)) == [number(1), number(2), number(5)]

    def test_replace_hands_the_request_to_a_holder_that_has_not_begun(
        self, store: Store, clock: Clock
    ) -> None:
        store.add([job(1, unique="k")])
        new = job(
            2,
            unique="k",
            unique_mode="replace",
            args=b"new",
            queue="other",
            priority=7,
            expires_at=clock() + 9,
            keep=3.0,
            headers=b"\x80",
            at=clock() - 5,
        )
        (answer,) = store.add([new])
        expected = msgspec.structs.replace(
            job(1, unique="k"),
            args=b"new",
            queue="other",
            priority=7,
            expires_at=clock() + 9,
            keep=3.0,
            headers=b"\x80",
            run_at=clock() - 5,
        )
        assert answer == expected
        assert everything(store) == {number(1): expected}
        assert claim(store, queues=["default"]) == []
        assert [one.id for one in claim(store, queues=["other"])] == [number(1)]

    def test_replace_leaves_a_running_holder_alone(self, store: Store) -> None:
        store.add([job(1, unique="k")])
        claimed = claim(store)
        assert store.add([job(2, unique="k", unique_mode="replace", args=b"new")]) == claimed
        assert list(everything(store).values()) == claimed

    def test_a_change_may_not_make_two_holders(self, store: Store, clock: Clock) -> None:
        first = job(1, unique="k", state="failed")
        store.add([first, job(2, unique="k")])
        assert apply(store, model.retried(first, clock())) == frozenset()
        assert store.get([number(1)]) == {number(1): first}
        apply(store, model.cancel(job(2, unique="k"), clock(), "asked"))
        assert apply(store, model.retried(first, clock())) == {number(1)}

    def test_a_key_goes_from_one_to_the_next_in_the_order_of_the_changes(
        self, store: Store, clock: Clock
    ) -> None:
        old, new = job(1, unique="k", state="failed"), job(2, unique="k")
        free, take = model.cancel(new, clock(), "asked"), model.retried(old, clock())
        store.add([old, new])
        assert apply(store, take, free) == {number(2)}
        store.add([job(3, unique="k")])
        assert apply(store, model.cancel(job(3, unique="k"), clock(), "asked"), take) == {
            number(1),
            number(3),
        }

    def test_a_change_may_set_only_what_a_job_has(self, store: Store) -> None:
        store.add([job(1)])
        for name in ("id", "nothing", 'task" = NULL, "queue'):
            with pytest.raises(StoreError, match="JobRecord"):
                store.apply([model.Change(number(1), "queued", 0, {name: "x"})])
        assert everything(store) == {number(1): job(1)}
