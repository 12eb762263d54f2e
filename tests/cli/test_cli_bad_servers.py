"""Servers that cannot be used, each told in one message with what helps. No password is ever shown."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from longshore import App
from longshore.cli.main import run
from longshore.errors import LongshoreError
from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.stores.postgres import migrations
from longshore.stores.redis import checks, location
from longshore.testing.samples import job, jobs
from longshore.testing.waiting import until
from servers import postgres
from servers.postgres import Server
from servers.valkey import Valkey, valkey

SECRET = "s3cret"


def told(url: str, *words: str, command: tuple[str, ...] = ("stats",)) -> tuple[int, str]:
    """The exit code and the message of a command, which is short, has these words and gives no password away."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*command, "--url", url])
    text = err.getvalue()
    assert code, out.getvalue()
    assert "Traceback" not in text
    assert 2 <= len(text.strip().splitlines()) <= 8, text
    for word in words:
        assert word in text, (word, text)
    # With its traceback, too, and what an error tracker would print of the frames.
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run([*command, "--url", url, "--traceback"])
    assert SECRET not in out.getvalue() + err.getvalue()
    return code, text


def quiet_everywhere(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what the app prints of itself, nor what it logs, nor its errors show a password."""
    with caplog.at_level(logging.DEBUG):
        app = App(url)
        said = [repr(app), app.url, repr(vars(app.unopened)), str(vars(app.unopened))]
        try:
            app.store.count()
        except LongshoreError as error:
            said += [str(error), repr(error), "".join(traceback.format_exception(error))]
        app.close()
    assert [one for one in [*said, caplog.text] if SECRET in one] == []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that asks for passwords, with a database ``jobs`` and some roles."""
    folder = Path(os.environ[postgres.FOLDER]) / f"bad-{os.getpid()}-{time.monotonic_ns()}"
    server = Server(folder)
    server.create()
    rules = server.data / "pg_hba.conf"
    rules.write_text("local all postgres trust\nlocal all nobody_may reject\nlocal all all scram-sha-256\n")
    server.start()
    with psycopg.connect(server.url, autocommit=True) as connection:
        for one in (
            f"CREATE ROLE owner LOGIN PASSWORD '{SECRET}'",
            f"CREATE ROLE stranger LOGIN PASSWORD '{SECRET}'",
            f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'",
            "ALTER ROLE reader SET default_transaction_read_only = on",
            "CREATE ROLE nobody_may LOGIN",
            "CREATE DATABASE jobs OWNER owner",
        ):
            connection.execute(one.encode())
    yield server
    server.stop()


def at(server: Server, user: str = "owner", password: str = SECRET, database: str = "jobs") -> str:
    return f"postgresql://{user}:{password}@/{database}?host={server.folder}"


CONNECTING = [
    ("owner", f"{SECRET}x", "jobs", "check the user and the password"),
    ("owner", SECRET, "nowhere", "createdb nowhere"),
    ("no_such_role", SECRET, "jobs", "check the user and the password"),
    ("nobody_may", SECRET, "jobs", "pg_hba.conf"),
]


@pytest.mark.parametrize(
    ("user", "password", "database", "fix"), CONNECTING, ids=[one[3] for one in CONNECTING]
)
def test_no_way_in(
    server: Server, caplog: pytest.LogCaptureFixture, user: str, password: str, database: str, fix: str
) -> None:
    url = at(server, user, password, database)
    for command in (("stats",), ("migrate",), ("migrate", "--plan")):
        assert told(url, fix, f"{user}:***@", command=command)[0] == 4
    quiet_everywhere(url, caplog)


def test_nobody_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"postgresql://me:{SECRET}@/jobs?host={tmp_path}"
    assert told(url, "pg_isready")[0] == 4
    quiet_everywhere(url, caplog)


def test_no_tables(server: Server) -> None:
    for role in ("owner", "stranger"):
        assert told(at(server, role), "no tables", "longshore migrate --url")[0] == 5
    code, _ = told(
        at(server, "stranger"), "CREATE on the database", "longshore migrate", command=("migrate",)
    )
    assert code == 5


@pytest.fixture
def made(server: Server) -> Iterator[Callable[..., None]]:
    """The tables are there; what is given is done to them."""
    store = open_store(at(server))
    store.open()
    store.close()

    def do(*statements: str) -> None:
        with psycopg.connect(at(server, "postgres"), autocommit=True) as connection:
            for one in statements:
                connection.execute(one.encode())

    yield do
    do("DROP SCHEMA longshore CASCADE")


def test_no_right(server: Server, made: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    assert told(at(server, "stranger"), "permission denied", "--grants work stranger")[0] == 5
    quiet_everywhere(at(server, "stranger"), caplog)


def test_a_session_that_may_only_read(server: Server, made: Callable[..., None]) -> None:
    made(
        "GRANT USAGE ON SCHEMA longshore TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA longshore TO reader",
    )
    assert told(at(server, "reader"), "target_session_attrs=read-write")[0] == 4


NEWEST = migrations.known()[-1].number
VERSIONS = [
    (f"SET value = '{NEWEST - 1}' WHERE key = 'version'", f"this release needs {NEWEST}"),
    ("SET value = '99' WHERE key IN ('version', 'oldest')", "made by a later Longshore"),
]


@pytest.mark.parametrize(("change", "words"), VERSIONS, ids=["too old", "too new"])
def test_another_version(server: Server, made: Callable[..., None], change: str, words: str) -> None:
    made(f"UPDATE longshore.meta {change}")
    for command in (("stats",), ("queues", "list"), ("jobs", "list")):
        assert told(at(server), words, "longshore migrate", command=command)[0] == 5
    if "later" in words:
        assert told(at(server), words, command=("migrate",))[0] == 5


def test_tables_that_are_gone(server: Server, made: Callable[..., None]) -> None:
    made("DROP TABLE longshore.docs")
    assert told(at(server), "longshore.docs", "longshore migrate", command=("workers", "list"))[0] == 5


def test_a_real_standby(tmp_path: Path) -> None:
    root = Path(os.environ[postgres.FOLDER])
    primary = Server(root / f"primary-{os.getpid()}-{time.monotonic_ns()}")
    primary.create()
    primary.start()
    standby = Server(root / f"standby-{os.getpid()}-{time.monotonic_ns()}")
    try:
        store = open_store(primary.url)
        store.add([job(1)])
        standby.copy(primary)
        standby.start()
        assert told(standby.url, "standby", "target_session_attrs=read-write")[0] == 4
        # Both named, the primary is found.
        both = f"{standby.url},{primary.folder}&target_session_attrs=read-write"
        other = open_store(both)
        assert other.count() == {("default", "queued"): 1}
        other.close()
        store.close()
    finally:
        standby.stop()
        primary.stop()
        for one in (standby, primary):
            shutil.rmtree(one.folder, ignore_errors=True)


def wants_password(server: Valkey) -> None:
    assert server.say(f"CONFIG SET requirepass {SECRET}") == "+OK"


def may_little(server: Valkey) -> None:
    assert server.say(f"ACL SETUSER me on >{SECRET} +@read ~* &*") == "+OK"


def is_a_replica(server: Valkey) -> None:
    assert server.say("REPLICAOF 127.0.0.1 1") == "+OK"


def evicts(server: Valkey) -> None:
    assert server.say("CONFIG SET maxmemory-policy allkeys-lru") == "+OK"


def wants_replicas(server: Valkey) -> None:
    assert server.say("CONFIG SET min-replicas-to-write 1") == "+OK"


def is_from_the_future(server: Valkey) -> None:
    assert server.say("SET {longshore}:schema 99") == "+OK"


def as_it_is(server: Valkey) -> None:
    pass


REDIS: list[tuple[Callable[[Valkey], None], str, str, int, str]] = [
    (wants_password, "", "", 2, "redis://USER:PASSWORD@HOST"),
    (wants_password, f":{SECRET}x@", "", 2, "does not accept this user or password"),
    (as_it_is, f"you:{SECRET}@", "", 2, "does not accept this user or password"),
    (may_little, f"me:{SECRET}@", "", 2, "ACL SETUSER"),
    (as_it_is, "", "?db=99", 2, "no database of that number"),
    (is_a_replica, "", "", 4, "redis+sentinel://"),
    (evicts, "", "", 2, "CONFIG SET maxmemory-policy noeviction"),
    (wants_replicas, "", "", 4, "redis-cli INFO replication"),
    (is_from_the_future, "", "", 5, "?namespace=NAME"),
]


@pytest.mark.parametrize(
    ("spoil", "login", "query", "code", "fix"),
    REDIS,
    ids=[f"{one[0].__name__}-{one[4][:20]}" for one in REDIS],
)
def test_redis(
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Valkey], None],
    login: str,
    query: str,
    code: int,
    fix: str,
) -> None:
    with valkey() as server:
        spoil(server)
        url = server.url.replace("unix://", f"unix://{login}") + query
        assert told(url, fix)[0] == told(url, fix, command=("migrate",))[0] == code
        quiet_everywhere(url, caplog)


def test_redis_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"unix://:{SECRET}@{tmp_path}/none"
    assert told(url, "see that the server runs")[0] == 4
    quiet_everywhere(url, caplog)


def test_redis_that_cannot_write_its_files() -> None:
    with valkey(save="1 1") as server:
        store = open_store(server.url)
        # Where the snapshot is to be, there is a folder: not even root can put a file in its place.
        (server.folder / "dump.rdb" / "full").mkdir(parents=True)
        store.add([job(1)])
        until(
            lambda: "rdb_last_bgsave_status:err" in server.tell("INFO persistence"), "a snapshot that fails"
        )
        with pytest.raises(LongshoreError, match="redis-cli INFO persistence") as caught:
            store.add([job(2)])
        assert len(str(caught.value).splitlines()) <= 8
        told(server.url, "MISCONF", "redis-cli INFO persistence", command=("queues", "pause", "--force", "q"))
        store.close()
        server.kill()  # it would not end before it had saved


def test_redis_that_reads_its_files() -> None:
    with valkey(save="3600 100000", rdbcompression="no") as server:
        for n in range(100):
            assert server.say(f"SET key{n} {'x' * 5000}") == "+OK"
        assert server.say("SAVE") == "+OK"
        server.kill()
        server.settings |= {"key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}
        server.begin()
        until(lambda: "LOADING" in server.say("PING"), "it to load")
        assert told(server.url, "LOADING", "redis-cli INFO persistence")[0] == 4
        server.kill()


def fill(store: Store) -> None:
    for n in range(100):
        store.add(jobs(100, start=n * 100 + 1, args=bytes(1000)))


def test_redis_that_is_full() -> None:
    with valkey(maxmemory="1mb") as server:
        store = open_store(server.url)
        with pytest.raises(LongshoreError, match="redis-cli CONFIG SET maxmemory") as caught:
            fill(store)
        assert len(str(caught.value).splitlines()) <= 8
        store.close()


def test_a_redis_that_is_too_old() -> None:
    with pytest.raises(LongshoreError, match=r"6\.2 or later") as caught:
        checks.check_version("5.0.14", location.parse(f"redis://:{SECRET}@host"))
    assert SECRET not in str(caught.value)
