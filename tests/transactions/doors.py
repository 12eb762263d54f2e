"""Every kind of connection a caller may have, each used in the same few ways."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiosqlite
import asyncpg
import psycopg
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from longshore import Job
from servers import postgres


@dataclass
class Door:
    """``say`` does a statement of the caller's own. ``awaited``: only `aenqueue` can use it."""

    connection: Any
    say: Callable[[str], Awaitable[Any]]
    commit: Callable[[], Awaitable[Any]]
    rollback: Callable[[], Awaitable[Any]]
    awaited: bool = False
    #: where a transaction has to be begun by hand
    begin: Callable[[], Awaitable[Any]] | None = None

    async def enqueue(self, task: Any, *args: Any, **options: Any) -> Job[Any]:
        """In the way that suits the connection."""
        if self.begin is not None:
            await self.begin()
        using = task.using(connection=self.connection, **options)
        job: Job[Any] = await using.aenqueue(*args) if self.awaited else using.enqueue(*args)
        return job


Opener = Callable[[str], AbstractAsyncContextManager[Door]]


def _soon(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def call(*args: Any) -> Any:
        return function(*args)

    return call


@asynccontextmanager
async def plain_sqlite(path: str) -> AsyncIterator[Door]:
    connection = sqlite3.connect(path)
    yield Door(connection, _soon(connection.execute), _soon(connection.commit), _soon(connection.rollback))
    connection.close()


@asynccontextmanager
async def async_sqlite(path: str) -> AsyncIterator[Door]:
    async with aiosqlite.connect(path) as connection:
        yield Door(connection, connection.execute, connection.commit, connection.rollback, True)


@asynccontextmanager
async def psycopg_sync(url: str) -> AsyncIterator[Door]:
    with psycopg.connect(url) as connection:
        yield Door(
            connection, _soon(connection.execute), _soon(connection.commit), _soon(connection.rollback)
        )


@asynccontextmanager
async def psycopg_async(url: str) -> AsyncIterator[Door]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        yield Door(connection, connection.execute, connection.commit, connection.rollback, True)


class _Asyncpg:
    """asyncpg's transactions are objects; ours is begun by the first use."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.transaction: Any = None

    def door(self) -> Door:
        return Door(self.connection, self.say, self.commit, self.rollback, True, self.begin)

    async def begin(self) -> None:
        if self.transaction is None:
            self.transaction = self.connection.transaction()
            await self.transaction.start()

    async def say(self, words: str) -> None:
        await self.begin()
        await self.connection.execute(words)

    async def commit(self) -> None:
        if self.transaction is not None:
            ended, self.transaction = self.transaction, None
            await ended.commit()

    async def rollback(self) -> None:
        if self.transaction is not None:
            ended, self.transaction = self.transaction, None
            await ended.rollback()


def _parts(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return {
        "host": parts.hostname or query["host"],
        "port": parts.port or 5432,
        "user": parts.username,
        "password": parts.password,
        "database": parts.path[1:],
    }


@asynccontextmanager
async def asyncpg_alone(url: str) -> AsyncIterator[Door]:
    connection = await asyncpg.connect(**_parts(url))
    yield _Asyncpg(connection).door()
    await connection.close()


@asynccontextmanager
async def asyncpg_pooled(url: str) -> AsyncIterator[Door]:
    async with asyncpg.create_pool(min_size=1, max_size=1, **_parts(url)) as pool, pool.acquire() as lent:
        door = _Asyncpg(lent).door()
        yield door
        await door.rollback()


def _address(url: str, driver: str) -> str:
    if not url.startswith("postgres"):
        return f"sqlite+{driver}:///{url}"
    parts = _parts(url)
    # A folder with the server's socket goes where SQLAlchemy passes it on.
    user = f"{parts['user']}:{parts['password'] or ''}"
    return f"postgresql+{driver}://{user}@/{parts['database']}?host={parts['host']}&port={parts['port']}"


def connection_of(driver: str) -> Opener:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Door]:
        engine = create_engine(_address(url, driver))
        with engine.connect() as connection:
            say = _soon(lambda words: connection.execute(text(words)))
            yield Door(connection, say, _soon(connection.commit), _soon(connection.rollback))
        engine.dispose()

    return opened


def session_of(driver: str, scoped: bool = False) -> Opener:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Door]:
        engine = create_engine(_address(url, driver))
        session: Any = scoped_session(sessionmaker(engine)) if scoped else Session(engine)
        say = _soon(lambda words: session.execute(text(words)))
        yield Door(session, say, _soon(session.commit), _soon(session.rollback))
        session.close()
        engine.dispose()

    return opened


def async_connection_of(driver: str) -> Opener:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Door]:
        engine = create_async_engine(_address(url, driver), poolclass=NullPool)
        async with engine.connect() as connection:
            yield Door(
                connection,
                lambda words: connection.execute(text(words)),
                connection.commit,
                connection.rollback,
                True,
            )
        await engine.dispose()

    return opened


def async_session_of(driver: str, scoped: bool = False) -> Opener:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Door]:
        engine = create_async_engine(_address(url, driver), poolclass=NullPool)
        made = async_sessionmaker(engine)
        session: Any = async_scoped_session(made, lambda: 1) if scoped else AsyncSession(engine)
        yield Door(
            session, lambda words: session.execute(text(words)), session.commit, session.rollback, True
        )
        await session.close()
        await engine.dispose()

    return opened


SQLITE: dict[str, Opener] = {
    "sqlite3": plain_sqlite,
    "aiosqlite": async_sqlite,
    "sqlalchemy connection": connection_of("pysqlite"),
    "sqlalchemy session": session_of("pysqlite"),
    "sqlalchemy async connection": async_connection_of("aiosqlite"),
    "sqlalchemy async session": async_session_of("aiosqlite"),
}
POSTGRES: dict[str, Opener] = {
    "psycopg": psycopg_sync,
    "psycopg async": psycopg_async,
    "asyncpg": asyncpg_alone,
    "asyncpg pool": asyncpg_pooled,
    "sqlalchemy connection": connection_of("psycopg"),
    "sqlalchemy session": session_of("psycopg"),
    "sqlalchemy scoped session": session_of("psycopg", scoped=True),
    "sqlalchemy async connection, psycopg": async_connection_of("psycopg"),
    "sqlalchemy async session, psycopg": async_session_of("psycopg"),
    "sqlalchemy async connection, asyncpg": async_connection_of("asyncpg"),
    "sqlalchemy async session, asyncpg": async_session_of("asyncpg"),
    "sqlalchemy async scoped session, asyncpg": async_session_of("asyncpg", scoped=True),
}
KINDS = [("sqlite", kind) for kind in SQLITE] + [("postgresql", kind) for kind in POSTGRES]


def opener(database: str, kind: str) -> Opener:
    return SQLITE[kind] if database == "sqlite" else POSTGRES[kind]


def caller_url(database: str, folder: Any) -> str:
    """What an opener is given: the caller's own address of the database."""
    return str(folder / "jobs.db") if database == "sqlite" else postgres.database_url()
