"""Jobs for a store elsewhere wait in the caller's database for his commit, and are then moved."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from longshore import App, JobNotFound
from longshore.errors import ConfigError, SchemaError, StoreUnavailable
from longshore.outbox import Outbox
from longshore.testing import failpoints
from longshore.testing.ledger import Ledger
from longshore.testing.samples import everything
from longshore.testing.waiting import until
from servers import postgres
from servers.shared import in_namespace
from servers.valkey import Valkey, valkey
from transactions.doors import KINDS, caller_url, opener


def app_with(store: str, outbox: str) -> App:
    app = App(store, outbox=outbox)

    @app.task(name="mail")
    def mail(user: int) -> int:
        return user

    return app


def outbox_url(database: str, folder: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{folder / 'jobs.db'}"
    return postgres.place(f"t{secrets.token_hex(8)}")


def outbox_of(app: App) -> Outbox:
    assert app.outbox is not None
    return app.outbox


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app(database: str, tmp_path: Path) -> Iterator[App]:
    with app_with(in_namespace(str(tmp_path)), outbox_url(database, tmp_path)) as app:
        yield app


@pytest.fixture
def mine(database: str, app: App, tmp_path: Path) -> Iterator[Any]:
    """The caller's connection."""
    outbox_of(app).open()
    connection: Any = (
        sqlite3.connect(tmp_path / "jobs.db")
        if database == "sqlite"
        else psycopg.connect(postgres.database_url())
    )
    with closing(connection):
        yield connection


@pytest.mark.parametrize(("database", "kind"), KINDS, ids=": ".join)
async def test_on_every_kind_of_connection(database: str, kind: str, tmp_path: Path) -> None:
    app = app_with(in_namespace(str(tmp_path)), outbox_url(database, tmp_path))
    mail = app.tasks["mail"]
    async with app, opener(database, kind)(caller_url(database, tmp_path)) as door:
        await door.enqueue(mail, 1)
        await door.rollback()
        kept = await door.enqueue(mail, 2)
        await door.say("SAVEPOINT mine")
        await door.enqueue(mail, 3)
        await door.say("ROLLBACK TO SAVEPOINT mine")
        many = mail.using(connection=door.connection)
        rows = [(n,) for n in range(70)]
        made = await many.aenqueue_many(rows) if door.awaited else many.enqueue_many(rows)
        assert outbox_of(app).backlog().jobs == 0
        await door.commit()
        assert outbox_of(app).backlog().jobs == 71
        assert everything(app.store) == {}
        assert outbox_of(app).move() == 71
        assert outbox_of(app).backlog().jobs == 0
        assert set(everything(app.store)) == {kept.id, *(job.id for job in made)}
        assert app.run(kept).result() == 2
        if door.awaited:
            with pytest.raises(ConfigError, match="aenqueue"):
                many.enqueue(1)


def test_the_commit_makes_it_run_at_once(app: App, mine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.outbox.mover.POLL", 60.0)
    monkeypatch.setattr("longshore.worker.feed.POLL", 60.0)
    with app.worker() as worker:
        mover = worker.mover
        assert mover is not None
        until(lambda: mover.ready and worker.ticker.ready and not worker.feed._hinted, "the first looks")
        job = app.tasks["mail"].using(connection=mine).enqueue(5)
        assert outbox_of(app).backlog().jobs == 0
        mine.commit()
        assert job.result(timeout=20) == 5


def test_a_job_in_the_outbox_can_be_looked_at_and_waited_for(app: App, mine: Any) -> None:
    job = app.tasks["mail"].using(connection=mine, delay=3600).enqueue(5)
    with pytest.raises(JobNotFound):
        app.job(job.id).refresh()
    mine.commit()
    seen = app.job(job.id).refresh()
    assert (seen.state, seen.reason) == ("waiting", "on its way out of the outbox")
    outbox_of(app).move()
    seen.refresh()
    assert (seen.state, seen.reason) == ("queued", None)
    assert seen.record.run_at == job.record.run_at


def test_a_burst_worker_empties_the_outbox_first(app: App, mine: Any) -> None:
    job = app.tasks["mail"].using(connection=mine).enqueue(5)
    mine.commit()
    with app.worker(burst=True) as worker:
        assert worker.join(30)
    assert job.refresh().state == "succeeded"


def test_unique_keys_are_decided_when_a_job_arrives(
    app: App, mine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mail = app.tasks["mail"]
    first = mail.using(connection=mine, unique="k").enqueue(1)
    second = mail.using(connection=mine, unique="k").enqueue(2)
    mine.commit()
    with caplog.at_level(logging.INFO, "longshore.outbox"):
        assert outbox_of(app).move() == 2
    assert set(everything(app.store)) == {first.id}
    assert first.id in caplog.text
    assert second.id in caplog.text


def test_without_a_connection_nothing_goes_through_the_outbox(app: App) -> None:
    job = app.tasks["mail"].enqueue(1)
    assert set(everything(app.store)) == {job.id}


def test_another_database_is_refused(app: App, mine: Any, database: str, tmp_path: Path) -> None:
    connection: Any = (
        sqlite3.connect(tmp_path / "b.db") if database == "sqlite" else psycopg.connect(postgres.server_url())
    )
    with closing(connection), pytest.raises(ConfigError, match="the outbox is"):
        app.tasks["mail"].using(connection=connection).enqueue(1)


def test_rows_nobody_can_read_hold_up_no_others(app: App, mine: Any, database: str) -> None:
    table = "longshore_outbox" if database == "sqlite" else outbox_of(app).plan()[1].split()[2]
    nonsense = "x'c1'" if database == "sqlite" else "'nonsense'"
    mine.execute(f"INSERT INTO {table} (id, job) VALUES ('0', {nonsense})")
    app.tasks["mail"].using(connection=mine).enqueue(1)
    mine.commit()
    assert outbox_of(app).move() == 1
    assert outbox_of(app).backlog().jobs == 1


def test_two_movers_at_once(app: App, mine: Any) -> None:
    mail = app.tasks["mail"]
    made = mail.using(connection=mine).enqueue_many([(n,) for n in range(1500)])
    mine.commit()
    barrier = threading.Barrier(2)

    def work() -> None:
        with app_with(app.url, outbox_of(app).url) as other:
            barrier.wait(20)
            outbox_of(other).move()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    outbox_of(app).move()
    assert outbox_of(app).backlog().jobs == 0
    stored = everything(app.store)
    assert set(stored) == {job.id for job in made}
    assert {job.state for job in stored.values()} == {"queued"}


def test_a_row_that_stayed_though_its_job_is_done_and_forgotten(app: App, mine: Any) -> None:
    """Its mover died between letting the job run and removing the row, and the job was not kept."""
    job = app.tasks["mail"].using(connection=mine, keep=0).enqueue(1)
    mine.commit()

    class Died(Exception):
        pass

    with failpoints.at("outbox.after_release", failpoints.fail(Died())), pytest.raises(Died):
        outbox_of(app).move()
    assert app.run(job.id).state == "succeeded"
    assert app.store.purge(10) == 1
    assert outbox_of(app).backlog().jobs == 1
    assert outbox_of(app).move() == 1
    assert everything(app.store) == {}  # not stored anew


def test_what_a_belated_mover_left_is_cleared(app: App, mine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped after it had read the rows, until others had moved, run and forgotten their jobs."""
    monkeypatch.setattr("longshore.outbox.outbox.LEFT", -1.0)
    from longshore.outbox.record import arriving

    job = app.tasks["mail"].using(connection=mine).enqueue(1)
    waiting = app.tasks["mail"].using(connection=mine).enqueue(2)
    mine.commit()
    [left] = [each for i, each in outbox_of(app).get([job.id, waiting.id]).items() if i == job.id]
    outbox_of(app).move()
    app.run(job)
    app.jobs.delete([job.id])
    app.store.add([arriving(left, app.store.now())])
    still = app.tasks["mail"].using(connection=mine).enqueue(3)
    mine.commit()
    app.store.add(list(outbox_of(app).get([still.id]).values()))
    assert outbox_of(app).clear() == 1
    assert set(everything(app.store)) == {waiting.id, still.id}


def test_the_table_is_made_where_it_may_be_and_told_where_not() -> None:
    name = f"r{secrets.token_hex(6)}"
    url = postgres.place(f"t{secrets.token_hex(8)}")
    postgres.query(f"CREATE ROLE {name} LOGIN")
    poor = url.replace("postgres@", f"{name}@", 1)
    app = app_with("redis://nowhere.invalid", poor)
    with pytest.raises(SchemaError, match="CREATE TABLE") as caught:
        outbox_of(app).open()
    assert "GRANT SELECT, INSERT" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 8
    rich = app_with("redis://nowhere.invalid", url)
    assert rich.outbox is not None
    for statement in rich.outbox.plan():
        postgres.query(statement)
    rich.outbox.open()
    schema = rich.outbox.plan()[0].split()[-1]
    postgres.query(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    outbox_of(app).open()
    with psycopg.connect(postgres.database_url().replace("postgres@", f"{name}@", 1)) as own:
        with pytest.raises(SchemaError, match="INSERT is enough"):
            app.tasks["mail"].using(connection=own).enqueue(1)
        own.rollback()
        postgres.query(f"GRANT INSERT ON {schema}.outbox TO {name}")
        app.tasks["mail"].using(connection=own).enqueue(1)
        own.commit()
    assert rich.outbox.backlog().jobs == 1
    app.close()
    rich.close()
    postgres.query(f"DROP OWNED BY {name}")
    postgres.query(f"DROP ROLE {name}")


def test_what_cannot_be_an_outbox(tmp_path: Path) -> None:
    for wrong in ("redis://localhost", "memory://", "jobs.db"):
        with pytest.raises(ConfigError, match="no database with transactions"):
            App("memory://", outbox=wrong)
    app = App("redis://nowhere.invalid")

    @app.task(name="mail")
    def mail() -> None: ...

    with (
        closing(sqlite3.connect(tmp_path / "a.db")) as connection,
        pytest.raises(ConfigError, match="outbox="),
    ):
        mail.using(connection=connection).enqueue()


@pytest.fixture
def server() -> Iterator[Valkey]:
    with valkey(appendonly="yes", save="") as server:
        yield server


async def test_redis_away_while_transactions_commit(
    server: Valkey,
    database: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also by processes that were started meanwhile; all of them run exactly once after its return."""
    monkeypatch.setattr("longshore.outbox.mover.LATE", 0.0)
    ledger = Ledger(tmp_path / "ledger")
    outbox = outbox_url(database, tmp_path)

    def app_here() -> App:
        app = App(server.url, outbox=outbox)

        @app.task(name="count")
        def count(number: int) -> None:
            ledger.begun(str(number), 1)

        return app

    app = app_here()
    with app, app.worker():
        server.kill()
        kind = "sqlite3" if database == "sqlite" else "psycopg async"
        late = app_here()  # as a process that is started only now
        async with opener(database, kind)(caller_url(database, tmp_path)) as door:
            jobs = []
            for number in range(40):
                jobs.append(await door.enqueue((late if number % 2 else app).tasks["count"], number))
                await (door.rollback if number % 10 == 9 else door.commit)()
        outbox_of(late).close()
        assert outbox_of(app).backlog().jobs == 36
        await asyncio.to_thread(until, lambda: "wait in the outbox" in caplog.text, "a word about it")
        with pytest.raises(StoreUnavailable):
            outbox_of(late).move()
        server.start()
        await asyncio.to_thread(
            until, lambda: outbox_of(app).backlog().jobs == 0, "the outbox to be empty", 30
        )
        for number, job in enumerate(jobs):
            if number % 10 != 9:
                await job.aresult(20)
        late.close()
    assert sorted(int(start.job) for start in ledger.starts()) == [n for n in range(40) if n % 10 != 9]


def test_in_the_middle_of_a_transaction_the_file_gets_its_table(tmp_path: Path) -> None:
    """While the caller writes nobody else could make it; with his rollback it is gone again."""
    app = app_with(in_namespace(str(tmp_path)), f"sqlite:///{tmp_path / 'new.db'}")
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.execute("BEGIN")
        for end in (connection.rollback, connection.commit):
            connection.execute("CREATE TABLE orders (x)")
            job = app.tasks["mail"].using(connection=connection).enqueue(1)
            end()
    assert outbox_of(app).move() == 1
    assert set(everything(app.store)) == {job.id}
    app.close()
