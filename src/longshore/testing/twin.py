"""Any store and the memory store in lock-step: Hypothesis writes histories, and both must answer the same all along.

    TestMineTwin = twin("mine:///{folder}/jobs")

Time moves only by steps, and many steps land exactly where something is due, over or to be purged.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from longshore import model
from longshore.model import Change, Claim, JobRecord, Where
from longshore.stores import open_store
from longshore.stores.base import Exchange, Store
from longshore.stores.memory import MemoryStore
from longshore.testing.conformance.stand import stand
from longshore.testing.samples import everything, job

QUEUES = st.sampled_from(["a", "b"])
OFFSETS = st.sampled_from([0.0, -1.0, 1.0, 5.0, -0.1, 7.3])
NUMBERS = st.integers(1, 20)
PICK = st.integers(0, 10_000)
STATES: Sequence[model.State] = ("queued", "waiting", "running", "succeeded", "failed", "cancelled", "held")

JOBS = st.fixed_dictionaries(
    {"n": NUMBERS, "offset": OFFSETS},
    optional={
        "queue": QUEUES,
        "priority": st.sampled_from([-1, 1, 5]),
        "unique": st.sampled_from(["k", "l"]),
        "unique_mode": st.sampled_from(["existing", "reject", "replace"]),
        "keep": st.sampled_from([0.0, 5.0]),
        "state": st.sampled_from(["waiting", "held", "queued"]),
        "args": st.binary(max_size=2),
    },
)
WHERES = st.builds(
    lambda leased, due, **fields: (leased, due, fields),
    st.sampled_from([None, None, 0.0]),
    st.sampled_from([None, None, 0.0]),
    states=st.none() | st.lists(st.sampled_from(STATES), max_size=2, unique=True).map(tuple),
    queue=st.none() | QUEUES,
    worker=st.none() | st.sampled_from(["v", "w"]),
    unique=st.none() | st.just("k"),
    blocked=st.booleans(),
    from_id=st.none() | NUMBERS.map("{:032x}".format),
    skip=st.sampled_from([0, 0, 0, 1, 4]),
)
#: What can happen to a job somebody holds a record of, be it the current one or an old one.
HAPPENINGS: dict[str, Callable[[JobRecord, float], Change | None]] = {
    "succeeded": lambda one, now: model.succeeded(one, b"result", now),
    "failed": lambda one, now: model.failed(one, model.Failure("E", "m", "", one.attempt, now), now, None),
    "retry": lambda one, now: model.failed(one, model.Failure("E", "m", "", one.attempt, now), now, 5.0),
    "snoozed": lambda one, now: model.snoozed(one, 1.0, now),
    "released": model.released,
    "parked": lambda one, now: model.parked(one, "unknown task", now),
    "held": lambda one, now: model.held(one, "odd", now),
    "begun": model.begun,
    "progressed": lambda one, now: model.progressed(one, b"{}"),
    "crashed": lambda one, now: model.crashed(one, now, "its lease lapsed", 2),
    "cancel": lambda one, now: model.cancel(one, now, "asked"),
    "retried": model.retried,
}
CHANGES = st.lists(st.tuples(PICK, st.booleans(), st.sampled_from(sorted(HAPPENINGS))), max_size=5)
CLAIMS = st.none() | st.builds(
    Claim,
    worker=st.sampled_from(["v", "w"]),
    limit=st.sampled_from([1, 2, 3, 50]),
    lease=st.sampled_from([5.0, 15.0]),
    queues=st.sampled_from([None, None, None, ("a",), ("default", "b")]),
)


class Twin(RuleBasedStateMachine):
    """The rules. ``url`` and ``make`` say what store is compared."""

    url: str
    make: Callable[..., Store] = staticmethod(open_store)

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._stand = self._stack.enter_context(stand(self.url, type(self).make))
        self.store, self.clock = self._stand.store, self._stand.clock
        self.memory = MemoryStore(clock=self.clock)
        #: every record either store ever gave to a worker
        self.seen: list[JobRecord] = []

    def teardown(self) -> None:
        """Both stores end with the example."""
        self._stack.close()

    def both(self, call: Callable[[Store], Any]) -> Any:
        """Ask both; the answer they agree on."""
        expected, found = call(self.memory), call(self.store)
        assert found == expected, f"the memory store says {expected!r}, this one {found!r}"
        return expected

    def changes(self, drawn: Sequence[tuple[int, bool, str]]) -> list[Change]:
        """Transitions of jobs as they are now, or as somebody once saw them."""
        found: list[Change] = []
        now = self.clock()
        current = list(everything(self.memory).values())
        for pick, stale, name in drawn:
            pool = self.seen if stale else current
            change = HAPPENINGS[name](pool[pick % len(pool)], now) if pool else None
            if change is not None:
                found.append(change)
        return found

    @initialize(jobs=st.lists(JOBS, max_size=6))
    def start(self, jobs: list[dict[str, Any]]) -> None:
        """Some jobs to begin with."""
        self.add(jobs)

    @rule(jobs=st.lists(JOBS, min_size=1, max_size=8))
    def add(self, jobs: list[dict[str, Any]]) -> None:
        """New ids and old ones, with and without unique keys."""
        now = self.clock()
        records = [job(one["n"], now + one["offset"], **_fields(one)) for one in jobs]
        self.seen += self.both(lambda store: store.add(records))

    @rule(drawn=CHANGES, claim=CLAIMS)
    def exchange(self, drawn: list[tuple[int, bool, str]], claim: Claim | None) -> None:
        """Settle, with fresh and stale records, and claim."""
        changes = self.changes(drawn)
        answer: Exchange = self.both(lambda store: store.exchange(changes, claim))
        self.seen += answer.jobs

    @rule(claim=CLAIMS)
    def claim(self, claim: Claim | None) -> None:
        """Claim only."""
        answer: Exchange = self.both(lambda store: store.exchange([], claim))
        self.seen += answer.jobs

    @rule(drawn=CHANGES)
    def apply(self, drawn: list[tuple[int, bool, str]]) -> None:
        """Changes only."""
        changes = self.changes(drawn)
        self.both(lambda store: store.apply(changes))

    @rule(picks=st.lists(PICK, max_size=3), lease=st.sampled_from([0.0, 5.0, 7.3]))
    def extend(self, picks: list[int], lease: float) -> None:
        """Leases held and lost."""
        leases = [
            (one.id, one.attempt) for one in (self.seen[pick % len(self.seen)] for pick in picks if self.seen)
        ]
        self.both(lambda store: store.extend(leases, lease))

    def sweep(self) -> None:
        """What a worker does now and then: rescue and purge."""
        where = Where(states=("running",), lease_before=self.clock())
        lapsed: list[JobRecord] = self.both(lambda store: store.find(where, 100))
        changes = [model.crashed(one, self.clock(), "its lease lapsed", 2) for one in lapsed]
        self.both(lambda store: store.apply(changes))
        self.both(lambda store: store.purge(1000))

    @rule(where=WHERES, limit=st.sampled_from([1, 3, 100]), after=st.none() | NUMBERS)
    def find(
        self, where: tuple[float | None, float | None, dict[str, Any]], limit: int, after: int | None
    ) -> None:
        """Any listing."""
        leased, due, fields = where
        now = self.clock()
        asked = Where(
            lease_before=None if leased is None else now + leased,
            due_before=None if due is None else now + due,
            **fields,
        )
        self.both(lambda store: store.find(asked, limit, None if after is None else f"{after:032x}"))

    @rule(picks=st.lists(NUMBERS, max_size=3))
    def delete(self, picks: list[int]) -> None:
        """Only what may be."""
        self.both(lambda store: store.delete([f"{n:032x}" for n in picks]))

    @rule(queue=QUEUES, expires=st.sampled_from([None, 5.0, 0.0]), resume=st.booleans())
    def pause(self, queue: str, expires: float | None, resume: bool) -> None:
        """For good or for a time, or the end of it."""
        if resume:
            self.both(lambda store: store.drop("paused", queue))
        else:
            self.both(lambda store: store.put("paused", queue, {"by": "me"}, expires))

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 60.0]), sweep=st.booleans())
    def wait(self, seconds: float, sweep: bool) -> None:
        """Time passes."""
        self.clock.move(seconds)
        if sweep:
            self.sweep()

    @rule(pick=PICK, early=st.sampled_from([0.0, 0.0, 0.1]), sweep=st.booleans())
    def wait_until(self, pick: int, early: float, sweep: bool) -> None:
        """Time passes until exactly when something of some job is due, or just before."""
        now = self.clock()
        times = {
            at
            for one in everything(self.memory).values()
            for at in (one.run_at, one.lease_until, one.purge_at)
            if at is not None and at > now
        }
        if times:
            self.clock.set(max(now, sorted(times)[pick % len(times)] - early))
        if sweep:
            self.sweep()

    @invariant()
    def same(self) -> None:
        """All that is stored."""
        self.both(everything)
        self.both(lambda store: store.count())
        self.both(lambda store: store.oldest())
        self.both(lambda store: store.list("paused"))


def _fields(drawn: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in drawn.items() if name not in ("n", "offset")}


def machine(url: str, make: Callable[..., Store] = open_store) -> type[Twin]:
    """The state machine for one store, to be run as one likes."""
    return type("StoreTwin", (Twin,), {"url": url, "make": staticmethod(make)})


def twin(
    url: str, make: Callable[..., Store] = open_store, examples: int = 100, steps: int = 30
) -> type[unittest.TestCase]:
    """A test case that compares the store at ``url`` with the memory store; the same histories each time."""
    case: type[unittest.TestCase] = machine(url, make).TestCase
    case.settings = settings(  # type: ignore[attr-defined]
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    return case
