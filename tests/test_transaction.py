"""Enqueueing inside the caller's own transaction: with it, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore import App, UniqueConflict
from longshore.errors import ConfigError, LongshoreError


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with App(f"sqlite:///{tmp_path / 'jobs.db'}") as app:

        @app.task(name="mail")
        def mail(user: int) -> int:
            return user

        yield app


@pytest.fixture
def connection(app: App, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "jobs.db")
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    yield connection
    connection.close()


def users(connection: sqlite3.Connection) -> int:
    [(count,)] = connection.execute("SELECT count(*) FROM users")
    return int(count)


def test_committed_together_it_is_there_and_runs(app: App, connection: sqlite3.Connection) -> None:
    mail = app.tasks["mail"]
    with app.worker():
        with connection:
            connection.execute("INSERT INTO users VALUES (1)")
            job = mail.using(connection=connection).enqueue(1)
            assert app.store.get([job.id]) == {}  # nobody else sees it before the commit
        assert job.result(timeout=20) == 1
    assert users(connection) == 1


def test_rolled_back_nothing_is_left(app: App, connection: sqlite3.Connection) -> None:
    mail = app.tasks["mail"]
    connection.execute("INSERT INTO users VALUES (1)")
    job = mail.using(connection=connection, unique="u").enqueue(1)
    mail.using(connection=connection).enqueue_many([(n,) for n in range(300)])
    connection.rollback()
    assert users(connection) == 0
    assert app.store.count() == {}
    assert app.store.get([job.id]) == {}
    # Nor is its key held.
    assert mail.using(unique="u", unique_mode="reject").enqueue(2).state == "queued"


def test_unique_keys_hold_inside_the_transaction(app: App, connection: sqlite3.Connection) -> None:
    mail = app.tasks["mail"]
    holder = mail.using(unique="u").enqueue(1)
    with connection:
        connection.execute("INSERT INTO users VALUES (1)")
        assert mail.using(connection=connection, unique="u").enqueue(2).id == holder.id
        with pytest.raises(UniqueConflict) as caught:
            mail.using(connection=connection, unique="u", unique_mode="reject").enqueue(3)
        mine = mail.using(connection=connection, unique="mine").enqueue(4)
        assert mail.using(connection=connection, unique="mine").enqueue(5).id == mine.id
    assert caught.value.holder == holder.id
    assert users(connection) == 1
    assert app.store.count() == {("default", "queued"): 2}


async def test_the_async_call_joins_it_too(app: App, connection: sqlite3.Connection) -> None:
    mail = app.tasks["mail"]
    async with app.worker():
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO users VALUES (1)")
        job = await mail.using(connection=connection).aenqueue(3)
        assert app.store.get([job.id]) == {}
        connection.commit()
        assert await job.aresult(20) == 3
        connection.execute("BEGIN IMMEDIATE")
        lost = await mail.using(connection=connection).aenqueue(4)
        connection.rollback()
    assert app.store.get([lost.id]) == {}


def test_another_file_is_refused(app: App, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    with pytest.raises(LongshoreError, match="other\\.db"):
        app.tasks["mail"].using(connection=other).enqueue(1)
    other.close()
    assert app.store.count() == {}


def test_what_is_no_connection_is_refused(app: App) -> None:
    with pytest.raises(LongshoreError, match="connection"):
        app.tasks["mail"].using(connection="jobs.db").enqueue(1)
    assert app.store.count() == {}


def test_a_store_without_transactions_says_so() -> None:
    app = App("memory://")

    @app.task
    def mail() -> None: ...

    with (
        sqlite3.connect(":memory:") as connection,
        pytest.raises(ConfigError, match="no transactions to join"),
    ):
        mail.using(connection=connection).enqueue()
    connection.close()
    app.close()
