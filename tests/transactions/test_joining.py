"""Enqueueing on the caller's own connection, whatever its kind: with his transaction, or not at all."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from longshore import App, UniqueConflict
from longshore.errors import ArgumentError, ConfigError, StoreError
from longshore.testing.samples import everything
from longshore.testing.waiting import until
from servers import postgres
from transactions.doors import KINDS, Door, caller_url, opener


def app_at(url: str) -> App:
    app = App(url)

    @app.task(name="mail")
    def mail(user: int) -> int:
        return user

    return app


@pytest.fixture(params=KINDS, ids=": ".join)
def database(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def app(database: tuple[str, str], tmp_path: Path) -> Iterator[App]:
    schema = f"t{secrets.token_hex(8)}"
    with app_at(
        f"sqlite:///{tmp_path / 'jobs.db'}" if database[0] == "sqlite" else postgres.place(schema)
    ) as app:
        yield app


@pytest.fixture
def orders() -> str:
    return f"orders_{secrets.token_hex(8)}"


@pytest.fixture
def entered(database: tuple[str, str], tmp_path: Path, orders: str) -> Any:
    """The caller's connection, and a table of his."""

    @asynccontextmanager
    async def enter() -> AsyncIterator[Door]:
        async with opener(*database)(caller_url(database[0], tmp_path)) as door:
            await door.say(f"CREATE TABLE {orders} (id integer)")
            await door.commit()
            yield door
            await door.rollback()

    return enter


async def test_committed_together_it_is_there_and_runs(app: App, entered: Any, orders: str) -> None:
    async with entered() as door:
        await door.say(f"INSERT INTO {orders} VALUES (1)")
        job = await door.enqueue(app.tasks["mail"], 7)
        assert len(job.id) == 32
        assert app.store.get([job.id]) == {}  # nobody else sees it before the commit
        await door.commit()
    assert app.store.get([job.id])[job.id].state == "queued"
    with app.worker(burst=True) as worker:
        await asyncio.to_thread(worker.join)
    assert job.result(timeout=20) == 7


async def test_rolled_back_nothing_is_left(app: App, entered: Any, orders: str) -> None:
    mail = app.tasks["mail"]
    async with entered() as door:
        await door.say(f"INSERT INTO {orders} VALUES (1)")
        await door.enqueue(mail, 1, unique="u")
        await door.rollback()
        assert everything(app.store) == {}
        # Nor is its key held.
        assert mail.using(unique="u", unique_mode="reject").enqueue(2).state == "queued"


async def test_a_savepoint_of_the_callers(app: App, entered: Any, orders: str) -> None:
    mail = app.tasks["mail"]
    async with entered() as door:
        await door.say(f"INSERT INTO {orders} VALUES (1)")
        kept = await door.enqueue(mail, 1)
        await door.say("SAVEPOINT mine")
        await door.enqueue(mail, 2)
        await door.say("ROLLBACK TO SAVEPOINT mine")
        also = await door.enqueue(mail, 3)
        await door.commit()
    assert set(everything(app.store)) == {kept.id, also.id}


async def test_many_at_once_and_unique_keys(app: App, entered: Any) -> None:
    mail = app.tasks["mail"]
    holder = mail.using(unique="u").enqueue(1)
    async with entered() as door:
        assert (await door.enqueue(mail, 2, unique="u")).id == holder.id
        with pytest.raises(UniqueConflict) as caught:
            await door.enqueue(mail, 3, unique="u", unique_mode="reject")
        assert caught.value.holder == holder.id
        replaced = await door.enqueue(mail, 4, unique="u", unique_mode="replace")
        assert replaced.id == holder.id
        many = mail.using(connection=door.connection)
        rows = [(n,) for n in range(150)]
        made = await many.aenqueue_many(rows) if door.awaited else many.enqueue_many(rows)
        assert len({job.id for job in made}) == 150
        await door.commit()
    assert len(everything(app.store)) == 151
    assert app.run(holder).result() == 4


async def test_what_it_costs_is_one_statement(app: App, entered: Any) -> None:
    """But for the first time on a connection, when it is asked where it leads."""
    from longshore.callers import caller
    from longshore.testing.samples import job as sample

    async with entered() as door:
        await door.enqueue(app.tasks["mail"], 1)
        if door.begin is not None:
            await door.begin()
        guest = caller(door.connection)
        said: list[str] = []

        def counted(steps: Any) -> Any:
            answer = None
            try:
                call = next(steps)
                while True:
                    said.append(call.text)
                    answer = yield call
                    call = steps.send(answer)
            except StopIteration as stop:
                return stop.value

        await guest.arun(counted(app.store.join(guest, [sample(5)])))
        await door.rollback()
    local = [text for text in said if "pragma" not in text]  # asked of the library, not of a server
    assert len(local) == 1, said


async def test_a_worker_hears_of_the_commit(app: App, entered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.worker.feed.POLL", 60.0)
    async with entered() as door:
        with app.worker() as worker:
            until(lambda: worker.ticker.ready and not worker.feed._hinted, "the worker's first looks")
            job = await door.enqueue(app.tasks["mail"], 8)
            await door.commit()
            assert await job.aresult(timeout=20) == 8


async def test_a_sync_call_with_an_async_connection_is_refused(app: App, entered: Any) -> None:
    async with entered() as door:
        if door.awaited:
            with pytest.raises(ConfigError, match="aenqueue"):
                app.tasks["mail"].using(connection=door.connection).enqueue(1)
        assert everything(app.store) == {}


async def test_another_database_is_refused(
    app: App, database: tuple[str, str], entered: Any, tmp_path: Path
) -> None:
    elsewhere = str(tmp_path / "other.db") if database[0] == "sqlite" else postgres.server_url()
    async with opener(*database)(elsewhere) as door:
        with pytest.raises(ConfigError, match="a job can only join"):
            await door.enqueue(app.tasks["mail"], 1)
        await door.say("SELECT 1")  # his transaction is as it was
        await door.rollback()
    assert everything(app.store) == {}


async def test_another_kind_of_database_is_refused(
    app: App, database: tuple[str, str], tmp_path: Path
) -> None:
    if database[0] == "sqlite":
        with (
            psycopg.connect(postgres.database_url()) as other,
            pytest.raises(ConfigError, match="is to postgresql"),
        ):
            app.tasks["mail"].using(connection=other).enqueue(1)
    else:
        other = sqlite3.connect(tmp_path / "x.db")
        with pytest.raises(ConfigError, match="is to sqlite"):
            app.tasks["mail"].using(connection=other).enqueue(1)
        other.close()


@pytest.fixture
def at_postgres() -> Iterator[App]:
    with app_at(postgres.place(f"t{secrets.token_hex(8)}")) as app:
        yield app


def test_closed_ones_are_refused(at_postgres: App, tmp_path: Path) -> None:
    mail = at_postgres.tasks["mail"]
    done = psycopg.connect(postgres.database_url())
    done.close()
    with pytest.raises(ConfigError, match="closed"):
        mail.using(connection=done).enqueue(1)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(postgres.database_url()))
    connection = engine.connect()
    connection.close()
    with pytest.raises(ConfigError, match="closed"):
        mail.using(connection=connection).enqueue(1)
    engine.dispose()
    with app_at(f"sqlite:///{tmp_path / 'jobs.db'}") as app:
        file = sqlite3.connect(tmp_path / "jobs.db")
        file.close()
        with pytest.raises(ConfigError, match="closed"):
            app.tasks["mail"].using(connection=file).enqueue(1)


async def test_those_that_commit_each_statement_are_refused(at_postgres: App) -> None:
    from transactions.doors import _parts

    mail = at_postgres.tasks["mail"]
    alone = await asyncpg.connect(**_parts(postgres.database_url()))
    with pytest.raises(ConfigError, match=r"async with connection\.transaction"):
        await mail.using(connection=alone).aenqueue(1)
    await alone.close()
    with pytest.raises(ConfigError, match="closed"):
        await mail.using(connection=alone).aenqueue(1)
    own = await psycopg.AsyncConnection.connect(postgres.database_url(), autocommit=True)
    with pytest.raises(ConfigError, match=r"async with connection\.transaction"):
        await mail.using(connection=own).aenqueue(1)
    await own.close()
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(postgres.database_url()),
        isolation_level="AUTOCOMMIT",
    )
    with Session(engine) as session, pytest.raises(ConfigError, match="AUTOCOMMIT"):
        mail.using(connection=session).enqueue(1)
    engine.dispose()
    aengine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args=_parts(postgres.database_url()),
        isolation_level="AUTOCOMMIT",
    )
    async with aengine.connect() as connection:
        with pytest.raises(ConfigError, match="AUTOCOMMIT"):
            await mail.using(connection=connection).aenqueue(1)
    await aengine.dispose()
    assert everything(at_postgres.store) == {}


def test_what_has_no_transaction_is_refused_with_what_would_do(at_postgres: App) -> None:
    mail = at_postgres.tasks["mail"]
    engine = create_engine("postgresql+psycopg://")
    for wrong, fix in ((engine, "engine.begin"), (object(), "SQLAlchemy"), (42, "psycopg.Connection")):
        with pytest.raises(ConfigError, match=fix):
            mail.using(connection=wrong).enqueue(1)
    with (
        psycopg.connect(postgres.database_url()) as own,
        pytest.raises(ConfigError, match=r"cursor\.connection"),
    ):
        mail.using(connection=own.cursor()).enqueue(1)


async def test_an_error_of_the_server_is_told_as_ever(at_postgres: App) -> None:
    """On each driver: a transaction that failed already takes no job, and says so."""
    mail = at_postgres.tasks["mail"]
    for kind in (
        "psycopg",
        "psycopg async",
        "asyncpg",
        "sqlalchemy connection",
        "sqlalchemy async session, asyncpg",
    ):
        async with opener("postgresql", kind)(postgres.database_url()) as door:
            with pytest.raises(Exception, match="division"):
                await door.say("SELECT 1/0")
            # From here on the transaction is lost, until he rolls it back.
            with pytest.raises(StoreError, match="aborted"):
                await door.enqueue(mail, 1)
            await door.rollback()


def test_calls_of_several_tasks_in_one_transaction(at_postgres: App) -> None:
    mail = at_postgres.tasks["mail"]

    @at_postgres.task(name="other")
    def other() -> None: ...

    with psycopg.connect(postgres.database_url()) as own:
        rows = [mail.using(connection=own).call(1), other.using(connection=own).call()]
        at_postgres.enqueue_many(rows)
        own.rollback()
        assert everything(at_postgres.store) == {}
        for mixed in ([rows[0], other.call()], [other.call(), rows[0]]):
            with pytest.raises(ArgumentError, match="one transaction"):
                at_postgres.enqueue_many(mixed)


async def test_inside_run_sync(at_postgres: App) -> None:
    """Where SQLAlchemy lets sync code use an async driver."""
    mail = at_postgres.tasks["mail"]
    async with opener("postgresql", "sqlalchemy async session, asyncpg")(postgres.database_url()) as door:
        job = await door.connection.run_sync(lambda session: mail.using(connection=session).enqueue(1))
        await door.commit()
    assert set(everything(at_postgres.store)) == {job.id}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_watches_for_itself(tmp_path: Path) -> None:
    app = app_at(f"sqlite:///{tmp_path / 'jobs.db'}")
    with app, closing(sqlite3.connect(tmp_path / "jobs.db")) as own:
        app.tasks["mail"].using(connection=own).enqueue(1)  # the parent's thread runs
        own.commit()
        child = os.fork()
        if child == 0:
            with closing(sqlite3.connect(tmp_path / "jobs.db")) as mine:
                app.tasks["mail"].using(connection=mine).enqueue(2)
                mine.commit()
            app.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert len(everything(app.store)) == 2
