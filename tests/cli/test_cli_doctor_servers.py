"""What the doctor says of servers: one thing is made wrong at a time, on a server of the test's own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from longshore.cli import checks_redis
from longshore.cli.main import run
from longshore.stores import open_store
from longshore.testing.samples import job, jobs
from servers import postgres
from servers.group import cluster
from servers.pooler import pooler
from servers.postgres import Server
from servers.valkey import valkey

Found = list[dict[str, str]]


def doctor(url: str) -> Found:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        code = run(["doctor", "--url", url, "-o", "json"])
    said: dict[str, Any] = json.loads(text.getvalue())
    assert code == (1 if said["failing"] else 0)
    findings: Found = said["findings"]
    for one in findings:
        assert one["fix"] or one["level"] == "ok", one
        assert "s3cret" not in one["text"] + one["fix"]
    return findings


def wrong(url: str, topic: str) -> list[tuple[str, str, str]]:
    return [
        (one["level"], one["text"], one["fix"])
        for one in doctor(url)
        if one["topic"] == topic and one["level"] != "ok"
    ]


def topics(found: Found) -> dict[str, str]:
    return {one["topic"]: one["level"] for one in found}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(os.environ[postgres.FOLDER]) / f"doctor-{os.getpid()}-{time.monotonic_ns()}"
    server = Server(folder, {"max_prepared_transactions": "2"})
    # What is said on the command line could not be changed by ALTER SYSTEM.
    for name in ("fsync", "full_page_writes", "autovacuum"):
        del server.settings[name]
    server.create()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    store = open_store(server.url)
    store.add(jobs(3))
    store.close()
    yield server.url
    do(server, "DROP SCHEMA longshore CASCADE")


def do(server: Server, *statements: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for one in statements:
            connection.execute(one.encode())


def test_nothing_is_wrong(url: str) -> None:
    found = topics(doctor(url))
    assert found == found | dict.fromkeys(
        ("store", "promise", "clock", "budget", "vacuum", "locks", "indexes"), "ok"
    )
    # Three jobs wait for a worker, which is another matter.
    assert found["workers"] == "FAIL"


SETTINGS = [
    ("fsync", "off", "promise", "power failure may cost every job"),
    ("full_page_writes", "off", "promise", "torn pages"),
    ("synchronous_commit", "off", "promise", "the last jobs acknowledged"),
    ("autovacuum", "off", "vacuum", "autovacuum is off"),
]


@pytest.mark.parametrize(("name", "value", "topic", "words"), SETTINGS, ids=[one[0] for one in SETTINGS])
def test_a_setting_that_costs_jobs(
    server: Server, url: str, name: str, value: str, topic: str, words: str
) -> None:
    do(server, f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
    try:
        ((level, text, fix),) = until_found(url, topic)
    finally:
        do(server, f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")
    assert level == "warn"
    assert words in text
    assert name in fix


def until_found(url: str, topic: str) -> list[tuple[str, str, str]]:
    for _ in range(50):  # the server's processes take a new setting up one after another
        if found := wrong(url, topic):
            return found
    return []


def test_what_is_promised_with_a_standby(server: Server, url: str) -> None:
    do(server, "ALTER SYSTEM SET synchronous_standby_names = ''")
    (said,) = [one["text"] for one in doctor(url) if one["topic"] == "promise"]
    assert "on the server's disk" in said


def test_a_transaction_left_open(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.cli.checks_postgres._LONG", 0.0)
    with psycopg.connect(server.url, application_name="report") as holder:
        holder.execute("SELECT 1 FROM longshore.jobs")
        pid = holder.info.backend_pid
        ((level, text, fix),) = wrong(url, "locks")
    assert level == "warn"
    assert "report" in text
    assert f"pg_terminate_backend({pid})" in fix
    with psycopg.connect(server.url) as holder:
        holder.execute("LOCK longshore.docs IN ACCESS SHARE MODE")
        holder.execute("PREPARE TRANSACTION 'lost'")
    ((_, text, fix),) = wrong(url, "locks")
    assert "ROLLBACK PREPARED 'lost'" in fix
    do(server, "ROLLBACK PREPARED 'lost'")


def test_indexes_that_are_gone_or_not_valid(server: Server, url: str) -> None:
    do(server, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'longshore.jobs_due'::regclass")
    ((level, text, fix),) = wrong(url, "indexes")
    assert (level, text.split(";")[0]) == ("FAIL", "not valid: jobs_due")
    assert fix == 'psql: REINDEX INDEX CONCURRENTLY "longshore".jobs_due'
    do(server, fix.removeprefix("psql: "))
    assert wrong(url, "indexes") == []
    do(server, "DROP INDEX longshore.jobs_due")
    assert wrong(url, "indexes")[0][:2] == ("FAIL", "gone: jobs_due; claims read the whole table")


def test_dead_rows(server: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.cli.checks_postgres._MANY_DEAD", 5)
    do(
        server,
        *["UPDATE longshore.jobs SET priority = priority + 1"] * 5,
        "SELECT pg_stat_force_next_flush()",
    )
    ((level, _, fix),) = until_found(url, "vacuum")
    assert (level, fix) == ("warn", 'psql: VACUUM (ANALYZE) "longshore".jobs')
    do(server, fix.removeprefix("psql: "))
    assert wrong(url, "vacuum") == []


def test_too_few_connections_for_the_workers(url: str) -> None:
    store = open_store(url)
    for n in range(4):
        store.put("worker", f"w{n}", {"beat_at": store.now(), "state": "running", "pid": n, "queues": None})
    ((level, text, fix),) = wrong(f"{url}&pool=200", "budget")
    store.close()
    assert level == "warn"
    assert "4 live workers may come to 804 (201 each)" in text
    assert "?pool=" in fix


def test_clocks_that_differ(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr("longshore.cli.checks_postgres.time.time", lambda: real() - 90)
    ((level, text, _),) = wrong(url, "clock")
    assert level == "warn"
    assert "behind the server" in text


def test_one_cause_is_told_once(server: Server, url: str) -> None:
    do(server, "ALTER TABLE longshore.jobs RENAME TO gone")
    (failing,) = [one for one in doctor(url) if one["level"] == "FAIL"]
    do(server, "ALTER TABLE longshore.gone RENAME TO jobs")
    assert 'relation "longshore.jobs" does not exist' in failing["text"]
    assert "or give up the jobs that are left and begin anew: psql URL -c 'DROP" in failing["fix"]


def test_a_role_that_may_only_enqueue(server: Server, url: str) -> None:
    store = open_store(url)
    do(server, "CREATE ROLE producer LOGIN PASSWORD 's3cret'", *store.grants("enqueue", "producer"))
    as_producer = url.replace("postgres@", "producer:s3cret@")
    ((level, text, fix),) = wrong(as_producer, "rights")
    assert level == "FAIL"
    assert "producer" in text
    assert "--grants work producer" in fix
    do(server, *store.grants("work", "producer"))
    assert wrong(as_producer, "rights") == []
    store.close()
    do(server, "DROP OWNED BY producer", "DROP ROLE producer")


def test_a_pooler(url: str) -> None:
    with pooler(url) as (through, _):
        assert wrong(f"{through}&pooler=transaction", "pooler") == []
        ((level, _, fix),) = wrong(through, "pooler")
    assert level == "warn"
    assert "?pooler=transaction" in fix


def test_a_replication_slot_nobody_reads(server: Server, url: str) -> None:
    do(server, "SELECT pg_create_physical_replication_slot('left', true)")
    ((_, text, fix),) = wrong(url, "vacuum")
    assert '"left"' in text
    do(server, fix.partition(",")[0].removeprefix("psql: "))
    assert wrong(url, "vacuum") == []


REDIS = [
    ({}, "promise", "memory only"),
    ({"save": "60 1000"}, "promise", "snapshots at best"),
    ({"maxmemory": "100mb"}, "memory", ""),
    ({"maxmemory": "2mb"}, "memory", "new jobs are refused"),
    ({"appendonly": "yes"}, "promise", ""),
]


@pytest.mark.parametrize(("settings", "topic", "words"), REDIS)
def test_redis(settings: dict[str, str], topic: str, words: str) -> None:
    with valkey(**settings) as server:
        store = open_store(server.url)
        store.add(jobs(1000, args=bytes(400)))
        store.close()
        found = wrong(server.url, topic)
    if not words:
        assert found == []
    else:
        ((level, text, fix),) = found
        assert level == "warn"
        assert words in text
        assert "redis-cli CONFIG SET" in fix


def test_redis_replicas() -> None:
    with valkey() as server, valkey(replicaof="127.0.0.1 1") as replica:
        assert topics(doctor(server.url))["replicas"] == "ok"
        (said,) = checks_redis._replicas({"connected_slaves": "1", "min-replicas-to-write": "0"})
        assert said.level == "warn"
        (said,) = checks_redis._replicas({"connected_slaves": "1", "min-replicas-to-write": "1"})
        assert said.level == "ok"
        (failing,) = [one for one in doctor(replica.url) if one["level"] == "FAIL"]
        assert "read-only replica" in failing["text"]


def test_redis_cluster() -> None:
    with cluster() as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        store = open_store(url)
        store.add([job(1)])
        store.close()
        assert [one["level"] for one in doctor(url) if one["topic"] == "cluster"] == ["ok"]
        assert nodes[2].server.say("CLUSTER DELSLOTS 16383") == "+OK"
        found = []
        for _ in range(200):
            found = [one for one in doctor(url) if one["level"] == "FAIL"]
            if found:
                break
        assert found
