"""What a claim costs, in pages touched, on tables that were just filled and never analysed; and renewals that stay HOT."""

import re
import statistics
import time

import psycopg
import pytest

from longshore import model
from longshore.model import Claim
from longshore.stores import open_store
from longshore.stores.postgres import claiming
from longshore.testing.clock import Clock
from longshore.testing.samples import job, jobs, running
from servers import postgres

MANY = 200_000


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock, tmp_path):
    store = open_store(postgres.place(tmp_path.name), clock=clock)
    store.open()
    yield store
    with store.pool.lent() as connection:
        connection.execute(f'DROP SCHEMA "{store.schema}" CASCADE')
    store.close()


def fill(store, state, at, priority=0, queue="default", first=10_000_000, many=MANY):
    """Very many jobs, by the server itself."""
    with store.pool.lent() as connection:
        connection.execute(
            f"""INSERT INTO "{store.schema}".jobs (id, task, queue, args, run_at, created_at, priority, state, attempt,
                                                  lease_until)
                SELECT lpad(to_hex(n), 32, '0'), 'task', %s, '', %s, 0, %s, %s, 0, %s
                FROM generate_series(%s::int, %s::int) AS n""",
            [queue, at, priority, state, at if state == "running" else None, first, first + many - 1],
        )


def cost(store, call):
    """Pages a statement touches. It is undone."""
    with store.pool.lent() as connection, connection.transaction(force_rollback=True):
        text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {call.text}"
        ((found,),) = psycopg.Cursor(connection).execute(text, call.values).fetchall()
    plan = found[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def claims(store, clock, limit=20):
    """The cost of a claim of every queue, of one queue, and of one where there is nothing."""
    return [
        cost(store, claiming.call(store.sql, Claim("w", limit, 15.0, queues), clock()))
        for queues in (None, ("default",), ("nothing",))
    ]


CROWDS = {
    "future": lambda now: {"state": "queued", "at": now + 1e6, "priority": 9},
    "future of the same priority": lambda now: {"state": "queued", "at": now + 1e6},
    "queued behind": lambda now: {"state": "queued", "at": now, "priority": -9},
    "other queue": lambda now: {"state": "queued", "at": now, "queue": "other", "priority": -9},
    "running": lambda now: {"state": "running", "at": now + 1e6},
    "succeeded": lambda now: {"state": "succeeded", "at": now},
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_claim_costs_the_same_beside_very_many_jobs(store, clock, crowd):
    store.add(jobs(20))
    alone = claims(store, clock)
    fill(store, **CROWDS[crowd](clock()))
    beside = claims(store, clock)
    assert all(more <= one * 1.5 + 60 for one, more in zip(alone, beside, strict=True)), (alone, beside)


def test_a_claim_of_many_queues_locks_only_what_it_takes(store, clock):
    for n in range(40):
        store.add(jobs(50, start=n * 50 + 1, queue=f"q{n:02}", priority=n % 2))
    got = store.exchange([], Claim("w", 30, 15.0)).jobs
    assert len(got) == 30
    with store.pool.lent() as connection:
        (locked,) = connection.execute(
            f"""SELECT count(*) FROM "{store.schema}".jobs WHERE xmax <> 0 AND state = 'queued'"""
        ).fetchone()
    assert locked == 0


def found(some):
    return claiming.Taken(0.0, None, some, {})


@pytest.mark.parametrize("limit", [100, 20, 1])
def test_dead_entries_are_passed_over_from_where_the_last_claim_left_off(store, clock, limit):
    fill(store, "queued", clock() - 10)
    head = claiming.call(store.sql, Claim("w", limit, 15.0), clock())
    fresh = cost(store, head)
    # Gone, but never vacuumed; another transaction still sees them, so no scan may mark them as dead either.
    with store.pool.lent() as connection, psycopg.connect(postgres.database_url()) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute(f'SELECT 1 FROM "{store.schema}".meta')
        connection.execute(
            f"""UPDATE "{store.schema}".jobs SET state = 'succeeded' WHERE id < %s""",
            [f"{10_000_000 + MANY // 2:032x}"],
        )
        places = claiming.Places()
        claim = Claim("w", limit, 15.0)
        first = store.exchange([], claim)
        assert len(first.jobs) == limit
        places.learn(claim, found(first.jobs), 1000.0)
        known = places.known(claim)
        assert known is not None
        assert cost(store, claiming.call(store.sql, claim, clock(), known)) <= fresh * 1.5 + 100
        assert cost(store, head) > fresh * 3


def test_a_few_are_claimed_from_the_head_unless_that_was_slow(store):
    store.add(jobs(200, start=1000))
    few, many = Claim("w", 20, 15.0), Claim("w", 100, 15.0)
    for claim, looked, trusted in ((few, 0.002, False), (many, 0.002, True), (few, 0.02, True)):
        places = claiming.Places()
        places.learn(claim, found(jobs(claim.limit)), looked)
        assert (places.known(claim) is not None) == trusted
    places.learn(few, found(jobs(19)), None)  # not filled
    assert places.known(few) is None


def test_a_claim_from_known_places_takes_what_comes_next(store, clock):
    store.add([*jobs(200, start=1000), *jobs(200, start=5000, queue="other", priority=3)])
    got = []
    while some := store.exchange([], Claim("w", 64, 15.0)).jobs:
        got += some
    assert [one.id for one in got] == [one.id for one in [*jobs(200, start=5000), *jobs(200, start=1000)]]


@pytest.mark.parametrize("limit", [1, 5, 64])
def test_a_claim_from_known_places_minds_those_it_took_nothing_from(store, clock, monkeypatch, limit):
    monkeypatch.setattr(claiming, "_SLOW", 0.0)  # all looks are slow enough for the places to be kept
    monkeypatch.setattr(claiming, "_SOON", 60.0)
    monkeypatch.setattr(claiming, "_LONGEST", 60.0)
    monkeypatch.setattr(claiming, "_SHARE", 1e9)
    wanted = [job(n, queue=f"q{n % 7}", priority=-(n // 100), at=clock() - 500 + n) for n in range(200)]
    store.add(wanted)
    got = []
    while some := store.exchange([], Claim("w", limit, 15.0)).jobs:
        got += some
    assert [one.id for one in got] == [one.id for one in wanted]


def test_a_claim_that_is_not_filled_from_known_places_looks_from_the_head(store, clock):
    store.add(jobs(100, start=1000))
    assert len(store.exchange([], Claim("w", 64, 15.0)).jobs) == 64
    store.add([job(1), job(2, queue="new"), job(3, at=clock() + 50)])
    last = store.exchange([], Claim("w", 64, 15.0))
    assert [one.id for one in last.jobs] == [one.id for one in [job(1), job(2), *jobs(36, start=1064)]]
    assert last.next_at == clock() + 50


def test_renewals_touch_no_index(store, clock):
    held = running(store, *jobs(300))
    leases = [(one.id, one.attempt) for one in held]
    # Pages that were filled by the claim make room once: a row that finds none in its page moves to another.
    for n in range(10):
        store.extend(leases, 15.0 + n)
    before = updates(store)
    for n in range(10):
        store.extend(leases, 25.0 + n)
        store.apply([model.progressed(one, b"%d" % n) for one in held[:50]])
        store.apply([model.begun(one, clock() + n) for one in held[:50]])
    made, hot = (after - one for after, one in zip(updates(store), before, strict=True))
    assert made == 10 * 400
    # How many find room in their page depends on what else the server is busy with. That none has to touch an index does
    # not: no index names, or is limited by, a column that was set.
    assert hot > 0
    with store.pool.lent() as connection:
        rows = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = 'jobs'", [store.schema]
        ).fetchall()
    assert rows
    assert [text for (text,) in rows if re.search(r"\b(lease_until|progress|started_at)\b", text)] == []


@pytest.mark.full
def test_a_claim_beside_a_million_queued_a_million_later_and_a_hundred_thousand_dead(store, clock):
    """Never analysed, never vacuumed, and the dead ones are those that were claimed and done just before."""
    figures = {}
    store.add(jobs(20_000))
    figures["alone"] = both(store)
    for n in range(20):  # in parts, each within the deadline of a statement
        fill(store, "queued", clock() + 1e6, priority=9, first=20_000_000 + n * 50_000, many=50_000)
        fill(store, "queued", clock() - 10, first=40_000_000 + n * 50_000, many=50_000)
    figures["beside"] = both(store)
    for _ in range(100):
        done = store.exchange([], Claim("w", 1000, 15.0)).jobs
        assert len(done) == 1000
        store.exchange([model.succeeded(one, None, 0.0) for one in done], None)
    figures["busy"] = both(store)
    with store.pool.lent() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute(f'VACUUM "{store.schema}".jobs')
    figures["vacuumed"] = both(store)
    print("\n", figures)
    for name, (small, large) in figures.items():
        assert large < figures["alone"][1] * 2 + 2, name
        # Where a look from the head is slow, a claim of few jobs begins where the last one left off, too; now and then it
        # passes by every entry that vacuum has not removed yet.
        assert small < figures["alone"][0] * 2 + 5, name


def both(store):
    """Milliseconds of a small and of a large claim."""
    return timed(store, 20, 20), timed(store, 100, 20)


def timed(store, size, rounds):
    """Milliseconds of the median exchange: what was claimed before is settled, and as many more are claimed."""
    held, took = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        held = store.exchange([model.succeeded(one, None, 0.0) for one in held], Claim("w", size, 15.0)).jobs
        took.append((time.perf_counter() - began) * 1000)
        assert len(held) == size
    return round(statistics.median(took), 2)


def updates(store):
    store.pool.everywhere("SELECT pg_stat_force_next_flush()")
    with store.pool.lent() as connection:
        return connection.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = %s AND relname = 'jobs'",
            [store.schema],
        ).fetchone()
