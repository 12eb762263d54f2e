"""Jobs that come and go with the caller's own transaction."""

import asyncio
import sqlite3

import psycopg
import pytest
from psycopg.rows import dict_row

from longshore import App
from longshore.errors import ConfigError, StoreError
from longshore.stores import open_store
from longshore.testing.samples import everything, job, jobs
from servers import postgres


@pytest.fixture
def store(tmp_path):
    store = open_store(postgres.place(tmp_path.name))
    store.open()
    yield store
    store.close()


@pytest.fixture
def mine():
    with psycopg.connect(postgres.database_url(), row_factory=dict_row) as connection:
        yield connection
        connection.rollback()


def test_rolled_back_with_the_caller(store, mine):
    assert store.add(jobs(3), mine) == jobs(3)
    assert everything(store) == {}
    mine.rollback()
    assert everything(store) == {}


def test_stored_with_the_callers_commit(store, mine):
    store.add(jobs(2), mine)
    store.add([job(3)], mine)
    mine.commit()
    assert len(everything(store)) == 3


def test_the_id_is_known_before_the_commit(tmp_path, mine):
    app = App(postgres.place(tmp_path.name))

    @app.task(name="send")
    def send(n: int) -> int:
        return n

    handle = send.using(connection=mine).enqueue(1)
    assert app.store.get([handle.id]) == {}
    mine.commit()
    assert app.store.get([handle.id]).keys() == {handle.id}
    app.close()


def test_a_savepoint_of_the_callers(store, mine):
    with mine.transaction():
        store.add([job(1)], mine)
        with mine.transaction(force_rollback=True):
            store.add([job(2)], mine)
    mine.commit()
    assert everything(store) == {job(1).id: job(1)}


def test_the_holder_comes_back_and_is_replaced_only_with_the_commit(store, mine):
    store.add([job(1, unique="k")])
    assert store.add([job(2, unique="k")], mine) == [job(1, unique="k")]
    (answer,) = store.add([job(3, unique="k", unique_mode="replace", args=b"new")], mine)
    assert (answer.id, answer.args) == (job(1).id, b"new")
    mine.rollback()
    assert everything(store) == {job(1).id: job(1, unique="k")}


def test_on_a_connection_that_commits_by_itself(store):
    with psycopg.connect(postgres.database_url(), autocommit=True) as mine:
        with pytest.raises(ConfigError, match=r"with connection\.transaction"):
            store.add([job(1)], mine)
        with mine.transaction():
            store.add([job(2)], mine)
            assert everything(store) == {}
        assert everything(store) == {job(2).id: job(2)}


def test_a_transaction_that_failed_already(store, mine):
    store.add([job(1)], mine)
    with pytest.raises(psycopg.Error):
        mine.execute("SELECT 1/0")
    with pytest.raises(StoreError, match="aborted"):
        store.add([job(2)], mine)


def test_a_connection_to_another_place_is_refused(store, mine, tmp_path):
    with (
        psycopg.connect(postgres.server_url()) as elsewhere,
        pytest.raises(ConfigError, match="own database"),
    ):
        store.add([job(1)], elsewhere)
    with psycopg.connect(postgres.server_url()) as elsewhere:
        # A refusal leaves the caller's transaction as it was.
        with pytest.raises(ConfigError):
            store.add([job(1)], elsewhere)
        assert elsewhere.execute("SELECT 1").fetchone() == (1,)
    assert everything(store) == {}


def test_something_else_is_refused(store):
    with sqlite3.connect(":memory:") as other, pytest.raises(ConfigError, match=r"psycopg\.Connection"):
        store.add([job(1)], other)
    other.close()


def test_an_async_connection_is_refused(store):
    async def refused():
        async with await psycopg.AsyncConnection.connect(postgres.database_url()) as mine:
            with pytest.raises(ConfigError, match="AsyncConnection"):
                store.add([job(1)], mine)

    asyncio.run(refused())
