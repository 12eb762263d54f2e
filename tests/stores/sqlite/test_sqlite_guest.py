"""Enqueue inside the caller's own transaction."""

import sqlite3
import sys

import pytest

from longshore.errors import ConfigError, StoreError, StoreUnavailable
from longshore.stores import open_store
from longshore.testing.samples import claim, everything, job, jobs, number


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    store.open()
    yield store
    store.close()


MODES = [{"isolation_level": ""}, {"isolation_level": None}, {"isolation_level": "IMMEDIATE"}]
if sys.version_info >= (3, 12):
    MODES.append({"autocommit": False})


@pytest.fixture(params=MODES, ids=str)
def con(request, store, tmp_path):
    """The caller's connection in each of sqlite3's modes; with None the caller begins by himself."""
    con = sqlite3.connect(tmp_path / "a.db", **request.param)
    con.execute("CREATE TABLE orders (x)")
    con.commit()
    if con.isolation_level is None:
        con.execute("BEGIN")
    yield con
    con.close()


def test_rolled_back_leaves_nothing(store, con):
    assert store.add(jobs(3), connection=con) == jobs(3)
    con.execute("INSERT INTO orders VALUES (1)")
    assert con.in_transaction
    assert everything(store) == {}
    con.rollback()
    assert everything(store) == {}
    assert con.execute("SELECT * FROM orders").fetchall() == []


def test_committed_with_the_rest(store, con):
    con.execute("INSERT INTO orders VALUES (1)")
    store.add([job(1)], connection=con)
    assert everything(store) == {}
    con.commit()
    assert everything(store) == {number(1): job(1)}
    assert [one.id for one in claim(store)] == [number(1)]


AUTOCOMMIT = [{"isolation_level": None}]
if sys.version_info >= (3, 12):
    AUTOCOMMIT.append({"autocommit": True})


@pytest.mark.parametrize("mode", AUTOCOMMIT, ids=str)
def test_without_a_transaction_there_is_nothing_to_join(store, tmp_path, mode):
    con = sqlite3.connect(tmp_path / "a.db", **mode)
    with pytest.raises(ConfigError, match="BEGIN IMMEDIATE"):
        store.add(jobs(3), connection=con)
    assert not con.in_transaction
    con.execute("BEGIN IMMEDIATE")
    store.add(jobs(3), connection=con)
    assert everything(store) == {}
    con.execute("COMMIT")
    assert len(everything(store)) == 3
    con.close()


def test_ids_and_unique_keys_as_ever(store, con):
    con.rollback()
    holder = job(1, unique="k", args=b"old")
    store.add([holder])
    if con.isolation_level is None:
        con.execute("BEGIN")
    replacing = job(3, unique="k", unique_mode="replace", args=b"new")
    answer = store.add(
        [job(1), job(2, unique="k"), replacing, job(4), job(5, unique="l"), job(6, unique="l")], con
    )
    assert [one.id for one in answer] == [number(n) for n in (1, 1, 1, 4, 5, 5)]
    assert (answer[1].args, answer[2].args) == (b"old", b"new")
    con.rollback()
    assert everything(store) == {number(1): holder}


def test_the_callers_settings_stay(store, con):
    con.row_factory = sqlite3.Row
    con.text_factory = bytes
    store.add([job(1, unique="k")], connection=con)
    (answer,) = store.add([job(2, unique="k")], connection=con)
    assert answer == job(1, unique="k")
    assert con.row_factory is sqlite3.Row
    assert con.text_factory is bytes


def test_an_error_in_the_middle_takes_back_only_the_jobs(store, con):
    con.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(StoreError):
        store.add([job(1), job(2, args=object())], connection=con)  # what no codec makes
    con.commit()
    assert con.execute("SELECT * FROM orders").fetchall() == [(1,)]
    assert everything(store) == {}


def test_another_connection_is_refused(store, tmp_path):
    for name in (":memory:", tmp_path / "other.db"):
        con = sqlite3.connect(name)
        with pytest.raises(ConfigError, match="a job can only join"):
            store.add([job(1)], connection=con)
        con.close()
    for wrong in ("a.db", 1, object()):
        with pytest.raises(ConfigError, match="wants a connection"):
            store.add([job(1)], connection=wrong)
    with pytest.raises(ConfigError, match="no transactions"):
        open_store("memory://").add([job(1)], connection=wrong)
    assert everything(store) == {}


def test_a_link_to_the_same_file_is_the_same_file(store, tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    con = sqlite3.connect(tmp_path / "link.db")
    store.add([job(1)], connection=con)
    con.commit()
    con.close()
    assert len(everything(store)) == 1


def test_a_transaction_that_read_before_somebody_wrote_is_told_what_to_do(store, tmp_path):
    con = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    con.execute("BEGIN")
    con.execute("SELECT count(*) FROM longshore_jobs").fetchone()
    store.add([job(1)])
    with pytest.raises(StoreUnavailable, match="BEGIN IMMEDIATE"):
        store.add([job(2)], connection=con)
    con.rollback()
    con.close()
    assert len(everything(store)) == 1


def test_a_file_without_tables_is_told_at_once(tmp_path):
    con = sqlite3.connect(tmp_path / "new.db")
    con.execute("CREATE TABLE orders (x)")
    con.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(ConfigError, match=r"app\.open\(\)"):
        open_store(f"sqlite:///{tmp_path}/new.db").add([job(1)], connection=con)
    con.close()
