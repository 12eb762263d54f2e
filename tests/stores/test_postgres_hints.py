"""Hints between processes: few, small, and heard again after every loss."""

import threading

import psycopg
import pytest

from longshore.stores import open_store
from longshore.stores.postgres import hints
from longshore.testing.samples import number
from servers import postgres


@pytest.fixture
def stores(tmp_path):
    made = []

    def make(**options):
        made.append(open_store(postgres.place(tmp_path.name, **options)))
        made[-1].open()
        return made[-1]

    yield make
    for store in made:
        store.close()


class Listener:
    """Notifications as they pass over the wire."""

    def __init__(self, store, about):
        self.connection = psycopg.connect(postgres.database_url(), autocommit=True)
        self.connection.execute(f"LISTEN {hints.channel(store.schema, about)}".encode())

    def heard(self, timeout=0.2):
        return [notify.payload for notify in self.connection.notifies(timeout=timeout)]


def test_many_hints_in_a_short_time_are_few_notifications(stores):
    store = stores()
    listener = Listener(store, "queue")
    for n in range(500):
        store.publish([f"queue:q{n % 3}"])
    store.close()
    payloads = listener.heard()
    listener.connection.close()
    assert 1 <= len(payloads) < 100
    assert {topic for payload in payloads for topic in ("q0", "q1", "q2") if topic in payload} == {
        "q0",
        "q1",
        "q2",
    }


def test_a_payload_is_never_too_large():
    assert hints.payloads("me", [f"job:{number(n)}" for n in range(10)])["job"][0].count("job:") == 10
    some = hints.payloads("me", [f"job:{number(n)}" for n in range(1000)])["job"]
    assert len(some) > 1
    assert sum(payload.count("job:") for payload in some) == 1000
    assert all(len(payload.encode()) < 8000 for payload in some)
    assert hints.payloads("me", [f"job:{number(n)}" for n in range(100_000)])["job"] == ['["me","*"]']
    assert hints.payloads("me", ["queue:" + "ü\0" * 5000])["queue"] == ['["me","*"]']


def test_a_channel_is_an_identifier_whatever_the_schema_is_called():
    for schema in ("x" * 63, "a b", "ä"):
        assert len(hints.channel(schema, "queue")) < 63
    assert hints.channel("a", "job") != hints.channel("b", "job")


def test_what_is_no_hint_of_ours_is_ignored(stores):
    store = stores()
    heard, called = threading.Event(), []
    store.subscribe(["queue:a"], lambda: (called.append(1), heard.set()))
    channel = hints.channel(store.schema, "queue")
    with psycopg.connect(postgres.database_url(), autocommit=True) as connection:
        for payload in ("", "{}", "[", "[1,2]", '["other","queue:b"]'):
            connection.execute("SELECT pg_notify(%s, %s)", [channel, payload])
        connection.execute("SELECT pg_notify(%s, %s)", [channel, '["other","queue:a"]'])
    assert heard.wait(10)
    assert called == [1]


def test_an_ear_listens_again_after_a_loss_and_wakes_everybody(stores):
    store, other = stores(), stores()
    woken, heard = threading.Event(), threading.Event()
    store.subscribe(["job:1"], woken.set)
    postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'longshore-hints'"
    )
    # Nobody published anything: but something may have been lost.
    assert woken.wait(10)
    store.subscribe(["job:2"], heard.set)
    other.publish(["job:2"])
    assert heard.wait(10)


def test_many_waiters_share_one_connection(stores):
    store, other = stores(), stores()
    waiting = [threading.Event() for _ in range(200)]
    # In this database, and new: connections of tests before may take a moment to go.
    ears = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE application_name = 'longshore-hints' AND datname = current_database()"
    )
    before = set(postgres.query(ears))
    for n, event in enumerate(waiting):
        store.subscribe([f"job:{number(n)}"], event.set)
    assert len(set(postgres.query(ears)) - before) == 1
    other.publish([f"job:{number(n)}" for n in range(200)])
    assert all(event.wait(10) for event in waiting)


def test_a_hint_that_cannot_be_sent_is_no_error(stores):
    store = stores(deadline="0.1", pool="1")
    with store.pool.lent():
        store.publish(["queue:a"])


def test_opening_and_closing_ears_all_the_time(stores):
    store = stores()
    for _ in range(100):
        store.subscribe(["queue:a"], lambda: None)
        store.close()
