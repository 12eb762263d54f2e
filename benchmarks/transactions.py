"""Enqueueing inside the caller's transaction, beside a bare INSERT by the same driver into a table of the caller's.

``python -m benchmarks.transactions [POSTGRES_URL]``: a database of yours, whose schema ``longshore_bench`` is made and
dropped. Without a URL, only SQLite is measured. Each transaction holds ten statements, so that the commit is not what is
measured; ours and the bare ones take turns.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.figure import Figure, table
from longshore import App

ROUNDS: Final = 60
STATEMENTS: Final = 10
SCHEMA: Final = "longshore_bench"
_ARGS: Final = b"\x01\x91\x01"

Work = Callable[[], Awaitable[Any]]


async def _seconds(work: Work, end: Work) -> float:
    start = time.perf_counter()
    for _ in range(STATEMENTS):
        await work()
    seconds = time.perf_counter() - start
    await end()
    return seconds / STATEMENTS


async def compared(name: str, ours: Work, bare: Work, end: Work) -> Figure:
    """Microseconds for one job, and for one row of the caller's."""
    pairs = []
    for _ in range(ROUNDS):
        pairs.append((await _seconds(ours, end), await _seconds(bare, end)))
    pairs = pairs[ROUNDS // 6 :]  # the first ones warm up
    mine, floor = (median([pair[side] for pair in pairs]) * 1e6 for side in (0, 1))
    return Figure(name, "us", mine, floor, median([a / b for a, b in pairs]))


@contextmanager
def app_at(url: str) -> Iterator[App]:
    with App(url) as app:

        @app.task(name="mail")
        def mail(user: int) -> None: ...

        yield app


def _soon(function: Callable[[], Any]) -> Work:
    async def call() -> Any:
        return function()

    return call


async def on_sqlite(folder: str) -> list[Figure]:
    """With the standard library's driver."""
    path = str(Path(folder) / "jobs.db")
    with app_at(f"sqlite:///{path}") as app:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, note BLOB)")
        mail = app.tasks["mail"].using(connection=connection)

        def bare() -> None:
            connection.execute("INSERT INTO orders VALUES (hex(randomblob(16)), ?)", (_ARGS,))

        figure = await compared(
            "sqlite3", _soon(lambda: mail.enqueue(1)), _soon(bare), _soon(connection.commit)
        )
        connection.close()
    return [figure]


async def on_postgres(url: str) -> list[Figure]:
    """With each driver."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as own:
        own.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    with app_at(f"{url}{'&' if '?' in url else '?'}schema={SCHEMA}") as app:
        with psycopg.connect(url, autocommit=True) as own:
            own.execute(f"CREATE TABLE {SCHEMA}.orders (id uuid PRIMARY KEY, note bytea)")
        figures = [await measure(app, url) for measure in (_psycopg, _psycopg_async, _sqlalchemy, _asyncpg)]
    with psycopg.connect(url, autocommit=True) as own:
        own.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    return figures


_INSERT: Final = f"INSERT INTO {SCHEMA}.orders VALUES (gen_random_uuid(), %s)"


async def _psycopg(app: App, url: str) -> Figure:
    import psycopg

    with psycopg.connect(url) as connection:
        mail = app.tasks["mail"].using(connection=connection)
        return await compared(
            "psycopg",
            _soon(lambda: mail.enqueue(1)),
            _soon(lambda: connection.execute(_INSERT, (_ARGS,))),
            _soon(connection.commit),
        )


async def _psycopg_async(app: App, url: str) -> Figure:
    import psycopg

    async with await psycopg.AsyncConnection.connect(url) as connection:
        mail = app.tasks["mail"].using(connection=connection)
        return await compared(
            "psycopg async",
            lambda: mail.aenqueue(1),
            lambda: connection.execute(_INSERT, (_ARGS,)),
            connection.commit,
        )


async def _sqlalchemy(app: App, url: str) -> Figure:
    import psycopg
    from sqlalchemy import create_engine, text
    from sqlalchemy.orm import Session

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    words = text(_INSERT.replace("%s", ":note"))
    with Session(engine) as session:
        mail = app.tasks["mail"].using(connection=session)
        figure = await compared(
            "SQLAlchemy session, psycopg",
            _soon(lambda: mail.enqueue(1)),
            _soon(lambda: session.execute(words, {"note": _ARGS})),
            _soon(session.commit),
        )
    engine.dispose()
    return figure


async def _asyncpg(app: App, url: str) -> Figure:
    import asyncpg
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url)
    connection = await asyncpg.connect(
        host=given.get("host"),
        port=given.get("port"),
        user=given.get("user"),
        password=given.get("password"),
        database=given.get("dbname"),
    )
    mail = app.tasks["mail"].using(connection=connection)
    words = _INSERT.replace("%s", "$1")
    open_one = connection.transaction()
    await open_one.start()

    async def end() -> None:
        nonlocal open_one
        await open_one.commit()
        open_one = connection.transaction()
        await open_one.start()

    figure = await compared(
        "asyncpg", lambda: mail.aenqueue(1), lambda: connection.execute(words, _ARGS), end
    )
    await open_one.rollback()
    await connection.close()
    return figure


async def main(url: str | None = None) -> list[Figure]:
    """All that can be measured here."""
    with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
        figures = await on_sqlite(folder)
    return figures + (await on_postgres(url) if url else [])


if __name__ == "__main__":
    print(table(asyncio.run(main(*sys.argv[1:2]))))
