"""A full disk, a locked file, a fork, and files nobody may open."""

import os
import sqlite3
import sys
import threading
import warnings

import pytest

from longshore import model
from longshore.errors import SchemaError, StoreFull, StoreUnavailable
from longshore.model import Claim
from longshore.stores import open_store
from longshore.stores.sqlite import connection
from longshore.testing.children import children, output
from longshore.testing.samples import apply, claim, everything, job, jobs, number, running


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    store.open()
    yield store
    store.close()


def test_a_full_disk_stores_nothing_and_then_works_again(store):
    (one,) = running(store, job(1))
    before = everything(store)
    writer, _ = store.connections()
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + 3}")
    big = jobs(50, start=10, args=b"x" * 4000)
    with pytest.raises(StoreFull, match="make room") as caught:
        store.add(big)
    assert len(str(caught.value).splitlines()) <= 8
    with pytest.raises(StoreFull):
        store.exchange([model.succeeded(one, b"x" * 100_000, 1.0)], Claim("w", 1, 15.0))
    assert everything(store) == before
    writer.execute("PRAGMA max_page_count = 1000000")
    assert store.add(big) == big
    assert apply(store, model.succeeded(one, b"x" * 100_000, 1.0)) == {one.id}


def test_a_file_locked_for_too_long(store, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="stayed locked"):
        store.add([job(1)])
    assert everything(store) == {}
    assert claim(store) == []
    other.execute("ROLLBACK")
    other.close()
    assert store.add([job(1)]) == [job(1)]


def test_a_call_waits_its_turn(store, tmp_path):
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    done = threading.Event()
    thread = threading.Thread(target=lambda: (store.add([job(1)]), done.set()))
    thread.start()
    assert not done.is_set()
    other.execute("ROLLBACK")
    assert done.wait(20)
    thread.join()
    other.close()


def test_an_idle_worker_takes_no_lock(store, tmp_path):
    store.add([job(1, at=store.now() + 1000), job(2, at=store.now() - 1, queue="paused")])
    store.put("paused", "paused", {})
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.exchange([], Claim("w", 5, 15.0)).jobs == []
    assert store.purge(10) == 0
    assert store.exchange([], None).jobs == []
    assert store.count() == {("default", "queued"): 1, ("paused", "queued"): 1}
    other.execute("ROLLBACK")
    other.close()


def test_every_writing_transaction_takes_the_lock_at_its_start(store):
    statements = []
    writer, reader = store.connections()
    writer.set_trace_callback(statements.append)
    reader.set_trace_callback(lambda text: statements.append(f"reader: {text}"))
    (one,) = running(store, job(1))
    store.extend([(one.id, 1)], 15.0)
    apply(store, model.failed(one, model.Failure("E", "", "", 1, 0.0), 0.0, None))
    store.put("k", "k", {})
    store.drop("k", "k")
    store.delete([one.id])
    begun = [text for text in statements if text.startswith("BEGIN")]
    assert set(begun) == {"BEGIN IMMEDIATE"}
    assert len(begun) == statements.count("COMMIT") == 7
    for text in statements:
        assert not (
            text.startswith("reader: ") and text.split()[1] in ("BEGIN", "UPDATE", "INSERT", "DELETE")
        ), text


@pytest.mark.parametrize(("option", "level"), [("", 2), ("?synchronous=full", 2), ("?synchronous=normal", 1)])
def test_how_durable(tmp_path, option, level):
    store = open_store(f"sqlite:///{tmp_path}/b.db{option}")
    assert everything(store) == {}
    for con in store.connections():
        assert con.execute("PRAGMA synchronous").fetchone() == (level,)
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_damaged_file_is_named(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/b.db")
    store.add(jobs(300, args=b"x" * 200))
    store.close()
    path = tmp_path / "b.db"
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 2000] = b"\xaa" * 2000
    path.write_bytes(content)
    with pytest.raises(SchemaError, match="is damaged"):
        everything(store)
    store.close()


def test_nobody_opens_the_files_but_sqlite(tmp_path):
    opened = []
    watching = True

    def watch(event, arguments):
        if watching and event in ("open", "os.open") and str(tmp_path) in str(arguments[0]):
            opened.append((event, arguments[0]))

    sys.addaudithook(watch)
    store = open_store(f"sqlite:///{tmp_path}/b.db")
    heard = threading.Event()
    store.subscribe(["queue:*"], heard.set)
    store.add([job(1)])
    store.publish(["queue:default"])
    con = sqlite3.connect(tmp_path / "b.db")
    store.add([job(2)], connection=con)
    con.commit()
    con.close()
    running(store, job(3))
    store.purge(10)
    store.close()
    watching = False
    # The folder of sockets beside it is no file of SQLite's.
    assert [name for _, name in opened if not str(name).endswith("-wake")] == []


@pytest.mark.parametrize("busy", [False, True])
def test_a_forked_child_gets_connections_of_its_own(store, busy):
    """Also while a thread of the parent holds the write lock: the child has a lock of its own too."""
    store.add(jobs(3))
    writer, reader = store.connections()
    store.subscribe(["queue:*"], lambda: None)
    inside, leave = threading.Event(), threading.Event()

    def hold():
        def work(_):
            inside.set()
            leave.wait(30)

        store._pair().write(work)

    thread = threading.Thread(target=hold)
    if busy:
        thread.start()
        inside.wait(10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            assert len(everything(store)) == 3
            if not busy:
                assert len(claim(store, 1)) == 1
            assert store.connections()[0] is not writer
            store.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if busy:
        leave.set()
        thread.join()
    assert store.connections() == (writer, reader)
    assert len(claim(store)) == (3 if busy else 2)


_FORK_AND_LEAVE = """
import os
from longshore.stores import open_store
from longshore.testing.samples import job, jobs
store = open_store(sys.argv[1])
store.add(jobs(3))
child = os.fork()
if child == 0:
    sys.exit(0)  # the ordinary way out, which frees what the child has
assert os.waitpid(child, 0)[1] == 0
store.add([job(9)])
print(len(store.get([job(9).id])))
"""


def test_a_child_that_ends_does_not_close_its_parents_connections(tmp_path):
    with children([(_FORK_AND_LEAVE, f"sqlite:///{tmp_path}/b.db")]) as (child,):
        assert output(child) == "1\n"
    store = open_store(f"sqlite:///{tmp_path}/b.db")
    assert sorted(everything(store)) == [number(n) for n in (1, 2, 3, 9)]
    (check,) = store.connections()[0].execute("PRAGMA integrity_check").fetchone()
    assert check == "ok"
    store.close()
