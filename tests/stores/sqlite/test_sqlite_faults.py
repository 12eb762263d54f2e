"""Planted faults: one thing is broken at a time, and a net must catch it. What no net catches is not promised."""

import contextlib
import inspect

import pytest
import test_sqlite_trouble
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from longshore.errors import StoreError
from longshore.stores.sqlite import SqliteStore, adding, changing, claiming, listing, pair
from longshore.testing.conformance import SharedStoreConformance, StoreConformance
from longshore.testing.conformance.stand import stand
from longshore.testing.effort import sqlite_steps
from longshore.testing.twin import machine

URL = "sqlite:///{folder}/jobs.db?synchronous=normal"


class Suite(StoreConformance, SharedStoreConformance):
    url = URL

    def count(self, store, work):
        return sqlite_steps(store, work)


class Sql:
    """Replaces a piece of a named statement, which must be there."""

    def __init__(self, *edits):
        self.edits = edits

    def make(self, url, clock):
        store = SqliteStore(url, clock)
        texts = dict(store.sql)
        for name, old, new in self.edits:
            assert old in texts[name], f"{name}: {old!r} is not there to be broken"
            texts[name] = texts[name].replace(old, new)
        store.sql = texts
        return store

    def plant(self, monkeypatch):
        pass


class Code(Sql):
    """Replaces a function."""

    def __init__(self, module, name, broken):
        super().__init__()
        self.module, self.name, self.broken = module, name, broken

    def plant(self, monkeypatch):
        monkeypatch.setattr(self.module, self.name, self.broken(getattr(self.module, self.name)))


def editing(old, new):
    """A function that makes SQL makes this instead."""

    def broken(function):
        def edited(*arguments):
            text = function(*arguments)
            assert old in text
            return text.replace(old, new)

        return edited

    return broken


class Both(Sql):
    def __init__(self, *faults):
        super().__init__(*[edit for fault in faults for edit in fault.edits])
        self.faults = faults

    def plant(self, monkeypatch):
        for fault in self.faults:
            fault.plant(monkeypatch)


def one_by_one(add):
    """Each job in a transaction of its own."""

    def broken(connection, sql, jobs):
        answer = []
        for job in jobs:
            answer += add(connection, sql, [job])
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
        return answer

    return broken


def blind(together):
    """Believes that all changes of a batch were made."""

    def broken(connection, changes):
        together(connection, changes)
        return True

    return broken


def careless(make):
    """Makes what it can and does not look how many that were."""

    def broken(connection, shape, rows):
        make(connection, shape, rows)
        return True

    return broken


def shuffled(apply):
    """Groups the changes of a batch, also those of one job."""

    def broken(connection, changes):
        changing._together(connection, changes)
        return frozenset(change.id for change in changes)

    return broken


def deferred(transaction):
    def broken(writer, work, point):
        class Deferred:
            in_transaction = property(lambda self: writer.in_transaction)

            def __getattr__(self, name):
                return getattr(writer, name)

            def execute(self, text, *values):
                return writer.execute(text.replace("BEGIN IMMEDIATE", "BEGIN"), *values)

        return transaction(Deferred(), work, point)

    return broken


def too_late(source):
    def broken(where):
        index, terms, values = source(where)
        return index, [term.replace("lease_until <= ?", "lease_until < ?") for term in terms], values

    return broken


def one_query(take):
    """The claim everybody writes first."""

    def broken(connection, sql, claim, now):
        rows = connection.execute(
            "SELECT queue, priority, run_at FROM longshore_jobs INDEXED BY longshore_due WHERE state = 'queued' "
            "AND run_at <= ? ORDER BY queue, priority DESC, run_at LIMIT 1",
            (now,),
        ).fetchall()
        return take(connection, sql, claim, now) if rows else ([], None)

    return broken


NO_FENCE = Both(
    Code(changing, "update", editing("AND attempt = ?", "AND attempt >= 0 * ?")),
    Code(changing, "update_many", editing("AND attempt = change.column2", "")),
)
NO_STATE = Both(
    Code(changing, "update", editing("AND state = ?", "AND state > ''||substr(?, 1, 0)")),
    Code(changing, "update_many", editing("AND state = before", "")),
)
RENEW_BY_ID = Sql(("extend", "AND attempt = lease_attempt", ""))
RENEW_ENDED = Sql(("extend", "AND state = 'running'", ""))
PAUSE_IGNORED = Sql(("unpaused", "kind = 'paused'", "kind = 'nobody'"))
PAUSE_FOR_EVER = Sql(("unpaused", "expires_at > ?", "expires_at > -?"))
NO_NEW_ATTEMPT = Sql(
    ("claim", "attempt = attempt + 1", "attempt = attempt"),
    ("claim_these", "attempt = attempt + 1", "attempt = attempt"),
)
BEGUN_AFTER_CRASH = Sql(("claim", "CASE WHEN crashes THEN NULL ELSE :now END", ":now"))
ORDER_BY_ID = Sql(("claim", "ORDER BY run_at, id LIMIT", "ORDER BY id LIMIT"))
ORDER_BY_ARRIVAL = Sql(("claim", "ORDER BY run_at, id LIMIT", "ORDER BY seq LIMIT"))
NO_MERGE = Sql(("pick", "ORDER BY run_at, id LIMIT", "ORDER BY id DESC LIMIT"))
WORST_FIRST = Code(claiming, "due", lambda due: lambda found, now: due(found, now)[::-1])
NOT_YET_DUE = Code(
    claiming, "due", lambda due: lambda found, now: due([one for one in found if one[2] != now], now)
)
WAITING_HOLDS_NOTHING = Sql(
    ("schema", "state IN ('queued', 'waiting', 'running')", "state IN ('queued', 'running')")
)
RUNNING_HOLDS_NOTHING = Sql(
    ("schema", "state IN ('queued', 'waiting', 'running')", "state IN ('queued', 'waiting')")
)
NEVER_RELEASED = Sql(
    ("schema", "AND state IN ('queued', 'waiting', 'running')", ""),
    ("holder", "AND state IN ('queued', 'waiting', 'running')", ""),
)
PURGE_EARLY = Sql(
    ("purge", "purge_at <= ?", "purge_at <= ? + 1"), ("purgeable", "x.purge_at <= ?", "x.purge_at <= ? + 1")
)
PURGE_LATE = Sql(("purge", "purge_at <= ?", "purge_at < ?"))
PURGE_HELD = Sql(("purgeable", "('succeeded')", "('succeeded'), ('held')"))
DELETE_ALL = Sql(("delete", "AND state IN ('succeeded', 'failed', 'cancelled', 'held')", ""))
DOCS_STAY = Sql(
    ("list", "expires_at > ?", "expires_at > -?"), ("forget", "expires_at <= ?", "expires_at = -?")
)
ADD_PIECEMEAL = Code(adding, "add", one_by_one)
OVERWRITE = Code(
    adding,
    "insert",
    lambda insert: (
        lambda *arguments: (
            insert(*arguments).replace("INSERT", "INSERT OR REPLACE").replace("ON CONFLICT DO NOTHING", "")
        )
    ),
)
STALE_IN_A_BATCH = Code(changing, "_together", blind)
STALE_UNCOUNTED = Code(changing, "_make", careless)
OUT_OF_ORDER = Code(changing, "apply", shuffled)
KEYS_OUT_OF_ORDER = Code(changing, "_takes_key", lambda takes: lambda shape: False)
DEFERRED = Code(pair, "transaction", deferred)
LEASE_BOUNDARY = Code(listing, "_source", too_late)
NO_SKIPPING = Code(claiming, "take", one_query)
COUNT_FORGETS = Sql(
    (
        "count",
        "WHERE state NOT IN ('queued', 'running') GROUP",
        "WHERE state NOT IN ('queued', 'running') AND state > 'g' GROUP",
    )
)

#: fault, the example that catches it, what that example is parametrized with
EXAMPLES = [
    ("no fence on changes", NO_FENCE, "test_late_writers_are_refused_after_a_takeover", {}),
    ("changes look only at id and attempt", NO_STATE, "test_refused_unless_id_state_and_attempt_fit", {}),
    ("leases renewed by id only", RENEW_BY_ID, "test_late_writers_are_refused_after_a_takeover", {}),
    ("leases of ended jobs renewed", RENEW_ENDED, "test_leases_lost_are_absent_and_stay_as_they_are", {}),
    ("paused queues are claimed from", PAUSE_IGNORED, "test_paused_queues_wait", {}),
    ("a pause never ends", PAUSE_FOR_EVER, "test_a_pause_can_end_by_itself", {}),
    ("a claim keeps the attempt", NO_NEW_ATTEMPT, "test_a_claim_makes_what_the_model_says", {}),
    ("a crashed job counts as begun", BEGUN_AFTER_CRASH, "test_a_claim_makes_what_the_model_says", {}),
    (
        "wrong order under a limit",
        ORDER_BY_ID,
        "test_the_order_holds_under_a_limit",
        {"limit": 1, "queues": 1},
    ),
    ("order of arrival", ORDER_BY_ARRIVAL, "test_the_order_holds_under_a_limit", {"limit": 1, "queues": 1}),
    (
        "queues picked in a wrong order",
        NO_MERGE,
        "test_the_order_holds_under_a_limit",
        {"limit": 2, "queues": 4},
    ),
    ("worst priority first", WORST_FIRST, "test_priority_then_due_time_then_id", {}),
    ("due a moment late", NOT_YET_DUE, "test_due_exactly_now", {}),
    ("a waiting job holds no key", WAITING_HOLDS_NOTHING, "test_held_while_in", {"state": "waiting"}),
    ("a running job holds no key", RUNNING_HOLDS_NOTHING, "test_held_while_in", {"state": "running"}),
    ("a key is never released", NEVER_RELEASED, "test_free_when", {"state": "failed"}),
    ("purged early", PURGE_EARLY, "test_kept_exactly_as_long_as_asked", {}),
    ("purged late", PURGE_LATE, "test_kept_exactly_as_long_as_asked", {}),
    ("held jobs purged", PURGE_HELD, "test_every_final_state_is_purged_and_no_other", {}),
    ("running jobs deleted", DELETE_ALL, "test_only_finished_and_held_jobs_are_deleted", {}),
    ("documents stay for ever", DOCS_STAY, "test_gone_after_its_time", {}),
    ("jobs of a batch added one by one", ADD_PIECEMEAL, "test_all_or_nothing", {}),
    ("an id stored again", OVERWRITE, "test_the_same_id_is_stored_once", {}),
    (
        "a stale change in a batch believed",
        STALE_IN_A_BATCH,
        "test_one_stale_change_does_not_spoil_the_others",
        {},
    ),
    ("rows not counted", STALE_UNCOUNTED, "test_one_stale_change_does_not_spoil_the_others", {}),
    ("changes of one job shuffled", OUT_OF_ORDER, "test_changes_of_one_job_are_made_in_order", {}),
    (
        "keys taken out of order",
        KEYS_OUT_OF_ORDER,
        "test_a_key_goes_from_one_to_the_next_in_the_order_of_the_changes",
        {},
    ),
    ("a lease is over a moment late", LEASE_BOUNDARY, "test_a_lease_is_over_exactly_when_it_ends", {}),
    ("future jobs walked over", NO_SKIPPING, "test_flat", {"crowd": "future", "call": "claim"}),
    ("some states not counted", COUNT_FORGETS, "test_counts_follow_every_change", {}),
]
#: What the twin finds without being told where to look.
BY_TWIN = [
    NO_FENCE, NO_STATE, RENEW_BY_ID, RENEW_ENDED, PAUSE_IGNORED, PAUSE_FOR_EVER, NO_NEW_ATTEMPT, BEGUN_AFTER_CRASH,
    ORDER_BY_ID, ORDER_BY_ARRIVAL, NO_MERGE, WORST_FIRST, NOT_YET_DUE, WAITING_HOLDS_NOTHING, RUNNING_HOLDS_NOTHING,
    NEVER_RELEASED, PURGE_LATE, DELETE_ALL, OVERWRITE, STALE_IN_A_BATCH, OUT_OF_ORDER, LEASE_BOUNDARY,
    COUNT_FORGETS,
]  # fmt: skip
#: The twin needs a thousand tries for these; an example above catches them in one.
LONG = (PAUSE_IGNORED, PAUSE_FOR_EVER, PURGE_LATE, ORDER_BY_ID, ORDER_BY_ARRIVAL, NO_MERGE)
NAMES = {id(fault): name for name, fault, _, _ in EXAMPLES}


def run(example, parameters, fault):
    suite = Suite()
    suite.make = lambda url, *, clock: fault.make(url, clock)
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(stand(URL, suite.make))
        given = {
            "stand": made,
            "store": made.store,
            "clock": made.clock,
            "effort": suite.count,
            "stands": lambda: stack.enter_context(stand(URL, suite.make)),
        } | parameters
        function = getattr(suite, example)
        function(**{name: given[name] for name in inspect.signature(function).parameters})


@pytest.mark.parametrize(
    ("fault", "example", "parameters"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES]
)
def test_an_example_catches(fault, example, parameters, monkeypatch):
    run(example, parameters, Sql())
    fault.plant(monkeypatch)
    with pytest.raises((AssertionError, StoreError)):
        run(example, parameters, fault)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=NAMES[id(fault)], marks=pytest.mark.full if fault in LONG else ())
        for fault in BY_TWIN
    ],
)
def test_the_twin_catches(fault, monkeypatch):
    fault.plant(monkeypatch)
    quick = settings(
        max_examples=4000,
        stateful_step_count=30,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    with pytest.raises((AssertionError, StoreError)):
        run_state_machine_as_test(machine(URL, lambda url, *, clock: fault.make(url, clock)), settings=quick)


def test_a_deferred_transaction_is_caught(monkeypatch, tmp_path):
    DEFERRED.plant(monkeypatch)
    store = SqliteStore(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(AssertionError):
        test_sqlite_trouble.test_every_writing_transaction_takes_the_lock_at_its_start(store)
    store.close()
