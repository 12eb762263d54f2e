"""Connections that go away: every thread of a worker really resumes, and nothing is lost."""

import os
import secrets
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest

from longshore import model
from longshore.errors import StoreError, StoreUnavailable
from longshore.model import Claim
from longshore.stores import open_store
from longshore.stores.postgres.pool import Call
from longshore.testing.samples import claim, job, jobs
from servers import postgres
from servers.postgres import Server

#: What is promised: a worker consumes again so many seconds after the server's return.
SOON = 10.0


@pytest.fixture
def server(tmp_path):
    """A server for one test alone."""
    folder = Path(os.environ[postgres.FOLDER]) / f"own-{os.getpid()}-{time.monotonic_ns()}"
    server = Server(folder)
    server.create()
    server.start()
    yield server
    server.stop()


def backends(url, *states):
    """Process ids of the store's sessions."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'longshore%%' AND state = ANY (%s)",
            [list(states or ("active", "idle", "idle in transaction"))],
        )
        return [pid for (pid,) in rows]


def terminate(server):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'longshore%'"
        )


def wait_for(condition, deadline):
    ready = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        ready.wait(0.01)


def test_a_call_after_a_restart_takes_a_new_connection(server):
    store = open_store(server.url)
    store.add(jobs(3))
    server.stop("immediate")
    with pytest.raises(StoreUnavailable, match="pg_isready"):
        store.count()
    server.start()
    assert store.count() == {("default", "queued"): 3}
    terminate(server)
    assert store.count() == {("default", "queued"): 3}
    store.close()


def test_a_statement_that_gets_no_answer_is_given_up(server):
    store = open_store(f"{server.url}&deadline=0.2")
    store.add([job(1)])
    (pid,) = backends(server.url, "idle")
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match="no answer within"):
        store.count()
    assert store.count() == {("default", "queued"): 1}
    os.kill(pid, signal.SIGCONT)
    store.close()


def test_one_silent_connection_takes_the_idle_ones_with_it(server):
    store = open_store(f"{server.url}&deadline=0.2")
    store.add([job(1)])
    with store.pool.lent(), store.pool.lent(), store.pool.lent():
        pass
    silent = backends(server.url, "idle")
    assert len(silent) == 3
    for pid in silent:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(StoreUnavailable, match="no answer within"):
        store.count()
    # Else each of the others would be found silent by itself, one deadline after the other.
    assert store.count() == {("default", "queued"): 1}
    for pid in silent:
        os.kill(pid, signal.SIGCONT)
    store.close()


def test_what_follows_a_refused_statement_in_one_trip_works_the_next_time():
    """The driver takes it for prepared then, but the server never looked at it."""
    store = open_store(postgres.place(f"t{secrets.token_hex(8)}"))
    fine, broken = Call("SELECT 2::int4", {}), Call("SELECT 1 / 0", {})
    store.pool.run(fine)  # the second time it is prepared
    with pytest.raises(StoreError, match="division by zero"):
        store.pool.together([broken, fine])
    assert [store.pool.run(fine) for _ in range(3)] == [[(2,)]] * 3
    store.close()


def test_a_session_that_forgot_its_statements_is_left_for_another():
    store = open_store(postgres.place(f"t{secrets.token_hex(8)}"))
    for _ in range(2):
        store.get(["x"])
    with store.pool.lent() as connection:
        connection.pgconn.exec_(b"DEALLOCATE ALL")  # past the driver
    with pytest.raises(StoreUnavailable, match="add \\?pooler=transaction"):
        store.get(["x"])
    assert store.get(["x"]) == {}
    store.close()


def test_a_lock_that_is_held_too_long_is_told(server):
    store = open_store(f"{server.url}&deadline=0.3")
    store.add([job(1, state="running")])
    with psycopg.connect(server.url) as other:
        other.execute("SELECT 1 FROM longshore.jobs FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="did not answer in time") as caught:
            store.apply([model.succeeded(job(1, state="running"), None, 0.0)])
        # Claims pass by what others hold.
        store.add([job(2)])
        assert [one.id for one in claim(store)] == [job(2).id]
    assert len(str(caught.value).splitlines()) <= 8
    store.close()


def test_busy_connections_are_told(server):
    store = open_store(f"{server.url}&deadline=0.1&pool=1")
    store.open()
    with store.pool.lent(), pytest.raises(StoreUnavailable, match=r"\?pool="):
        store.count()
    assert store.count() == {}
    store.close()


def test_two_that_stand_in_each_others_way_both_succeed(server):
    store = open_store(server.url)
    store.add([job(n, state="running") for n in (1, 2)])
    with psycopg.connect(server.url) as other:
        # Locks 2, then wants 1; the store locks 1, then wants 2. The server undoes one of them.
        other.execute("SET deadlock_timeout = '10s'")
        other.execute(f"SELECT 1 FROM longshore.jobs WHERE id = '{job(2).id}' FOR UPDATE")
        done = []
        changes = [model.succeeded(job(n, state="running"), None, 0.0) for n in (1, 2)]
        thread = threading.Thread(target=lambda: done.append(store.apply(changes)))
        thread.start()
        wait_for(lambda: waiting(server), time.monotonic() + SOON)
        other.execute(f"SELECT 1 FROM longshore.jobs WHERE id = '{job(1).id}' FOR UPDATE")
    thread.join(30)
    assert done == [{job(1).id, job(2).id}]
    store.close()


def waiting(server):
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall()


def test_a_forked_child_has_connections_of_its_own(server):
    store = open_store(server.url)
    store.add([job(1)])
    store.subscribe(["queue:*"], lambda: None)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.add([job(2)])
            store.publish(["queue:default"])
            found = claim(store, 1, worker="child")
            store.close()
            os.write(write_end, found[0].id.encode())
        finally:
            os._exit(0)
    os.close(write_end)
    assert os.waitpid(child, 0)[1] == 0
    with os.fdopen(read_end) as answer:
        assert answer.read() == job(1).id
    assert [one.id for one in claim(store)] == [job(2).id]
    store.close()


def test_close_gives_every_connection_back(server):
    store = open_store(server.url)
    store.subscribe(["queue:*"], lambda: None)
    threads = [threading.Thread(target=store.exchange, args=([], Claim("w", 5, 1.0))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    store.publish(["queue:a", "job:1"])
    store.close()
    wait_for(lambda: not backends(server.url), time.monotonic() + SOON)


def test_behind_a_pooler_nothing_of_a_session_is_used(server):
    store = open_store(f"{server.url}&pooler=transaction")
    other = open_store(server.url)
    heard = threading.Event()
    other.subscribe(["queue:default"], heard.set)
    store.subscribe(["queue:*"], lambda: None)
    store.add([*jobs(20), job(50, unique="k")])
    store.publish(["queue:default"])
    assert heard.wait(10)
    for _ in range(8):
        done = store.exchange([], Claim("w", 2, 15.0))
        store.exchange([model.succeeded(one, b"r", 0.0) for one in done.jobs], None)
    assert store.count() == {("default", "succeeded"): 16, ("default", "queued"): 5}
    with store.pool.lent() as connection:
        for text, none in (
            ("SELECT count(*) FROM pg_prepared_statements", 0),
            ("SELECT count(*) FROM pg_listening_channels()", 0),
            ("SELECT count(*) FROM pg_settings WHERE source = 'session' AND name LIKE 'enable%'", 0),
        ):
            assert connection.execute(text).fetchone() == (none,)
    store.close()
    other.close()
