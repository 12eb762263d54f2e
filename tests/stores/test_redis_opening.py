"""What a Redis URL may say, what a server must be, and what is said where either is not so."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import threading

import msgspec
import pytest

from longshore import App
from longshore.errors import ConfigError, SchemaError, StoreError, StoreFull, StoreUnavailable
from longshore.model import Claim, succeeded
from longshore.stores import open_store
from longshore.stores.redis import checks
from longshore.stores.redis.location import parse
from longshore.testing.samples import claim, job, jobs, number
from longshore.testing.waiting import until
from servers.group import free_port
from servers.shared import in_namespace
from servers.valkey import valkey


def refused(kind, store, *words):
    with pytest.raises(kind) as caught:
        store.open()
    message = str(caught.value)
    assert len(message.splitlines()) <= 8
    for word in words:
        assert word in message
    assert "secret" not in message
    return message


@pytest.mark.parametrize(
    ("url", "addresses", "db", "namespace"),
    [
        ("redis://h", (("h", 6379),), 0, "longshore"),
        ("valkey://h:1/2", (("h", 1),), 2, "longshore"),
        ("redis://[::1]:7/0?namespace=shop", (("::1", 7),), 0, "shop"),
        ("unix:///run/v.sock?db=3", (), 3, "longshore"),
        ("redis+sentinel://a,b:5/main/1", (("a", 26379), ("b", 5)), 1, "longshore"),
        ("rediss+cluster://a:1,b", (("a", 1), ("b", 6379)), 0, "longshore"),
    ],
)
def test_urls(url, addresses, db, namespace):
    where = parse(url)
    assert (where.addresses, where.options["db"], where.namespace) == (addresses, db, namespace)


def test_a_login_is_decoded_and_never_shown():
    store = open_store("redis+sentinel://me:s%40cret@h/main?sentinel_password=hush")
    assert store.url == "redis+sentinel://me:***@h/main?sentinel_password=***"
    assert open_store("redis://hush@h").url == "redis://***@h"
    where = parse("unix:///run/v.sock?username=me&password=hush")
    assert (where.options["username"], where.options["password"]) == ("me", "hush")
    assert "hush" not in where.url
    where = parse("redis://:p%2Fw@h")
    assert (where.options["username"], where.options["password"]) == (None, "p/w")
    assert parse("rediss+sentinel://me:pw@h/main?sentinel_password=hush").sentinel["password"] == "hush"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://h/jobs", "number, not 'jobs'"),
        ("redis://h/0/1", "nothing else"),
        ("redis://h?timeout=soon", "timeout='soon'"),
        ("redis://h?namespace={x}", "namespace="),
        ("redis://:1/secret@h", "%2F"),
        ("redis://:x?secret@h", "%3F"),
        ("redis://h?pass=secret", "unknown option 'pass'"),
        ("redis://h?retries=3", "unknown option 'retries'"),
        ("redis://a,b", "redis+sentinel://"),
        ("redis+sentinel://h", "name the group"),
        ("redis+cluster://h/1", "database 0"),
        ("unix://run/v.sock", "three slashes"),
        ("redis://h:port", "cannot be read"),
        ("redis://u:secret#1@h", "%23"),
        ("rediss://h?ssl_check_hostname=perhaps", "true or false"),
        ("redi://h", "did you mean redis://"),
    ],
)
def test_urls_that_cannot_be(url, words):
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_without_the_driver():
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from longshore.stores import open_store\n"
        "from longshore.errors import ConfigError\n"
        "try: open_store('redis://:secret@h')\n"
        "except ConfigError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "longshore[redis]"' in said
    assert "secret" not in said


def test_nobody_there(tmp_path):
    refused(
        StoreUnavailable,
        open_store(f"unix://{tmp_path}/none"),
        "cannot be reached",
        "see that the server runs",
    )


def test_a_server_that_wants_a_password():
    with valkey(requirepass="right") as server:
        refused(ConfigError, open_store(server.url), "redis://USER:PASSWORD@HOST")
        wrong = server.url.replace("unix://", "unix://:secret@")
        refused(ConfigError, open_store(wrong), "does not accept", ":***@")
        store = open_store(server.url.replace("unix://", "unix://:right@"))
        assert store.add(jobs(3)) == jobs(3)
        store.close()


@pytest.mark.parametrize(
    "form",
    [
        "redis://me:p%40w@127.0.0.1:{port}/3?namespace=shop",
        "valkey://me:p%40w@localhost:{port}/3?namespace=shop&timeout=2",
        "redis://me:p%40w@localhost:{port}?namespace=shop&db=3",
        "unix://me:p%40w@{socket}?namespace=shop&db=3",
    ],
)
def test_one_server_by_any_url(form):
    port = free_port()
    with valkey(port=str(port), bind="127.0.0.1") as server:
        assert server.say("ACL SETUSER me on >p@w ~{shop}:* &{shop}:* +@all -@dangerous +info") == "+OK"
        app = App(form.format(port=port, socket=server.socket))
        app.store.subscribe(["queue:*"], lambda: None)
        app.store.add([job(1)])
        assert [one.id for one in claim(app.store)] == [number(1)]
        assert "db3:keys=" in server.tell("INFO keyspace")
        app.close()


def echo(n: int) -> int:
    return n


def test_two_apps_on_one_server(tmp_path):
    shop, mail = (App(in_namespace(f"{tmp_path}/{name}")) for name in ("shop", "mail"))
    heard = threading.Event()
    shop.store.subscribe(["queue:*", "job:*", "leases"], heard.set)
    held = [app.task(name="same")(echo).using(unique="k").enqueue(n) for n, app in enumerate((shop, mail))]
    assert [one.refresh().state for one in held] == ["queued", "queued"]
    mail.store.put("paused", "default", {})
    with shop.worker():
        assert held[0].result(timeout=20) == 0
    assert held[1].refresh().state == "queued"
    assert shop.store.count() == {("default", "succeeded"): 1}
    assert mail.store.count() == {("default", "queued"): 1}
    assert shop.store.list("paused") == {}
    heard.clear()
    mail.store.publish(["queue:default"])
    shop.store.put("k", "a", {})
    assert not heard.is_set()
    for app in (shop, mail):
        app.close()


@pytest.mark.parametrize(
    ("version", "fits"), [("6.0.16", False), ("5.0.7", False), ("6.2.0", True), ("7.2.4", True)]
)
def test_versions(version, fits):
    if fits:
        checks.check_version(version, parse("redis://h"))
        return
    with pytest.raises(StoreUnavailable, match=rf"is Redis {version}: Longshore needs 6\.2 or later"):
        checks.check_version(version, parse("redis://h"))


def test_a_database_there_is_not():
    with valkey(databases="2") as server:
        store = open_store(f"{server.url}?db=1")
        store.open()
        store.close()
        refused(ConfigError, open_store(f"{server.url}?db=2"), "no database of that number")


def test_a_server_that_throws_data_away():
    with valkey(**{"maxmemory-policy": "allkeys-lru"}) as server:
        refused(ConfigError, open_store(server.url), "allkeys-lru", "CONFIG SET maxmemory-policy noeviction")


def test_a_replica():
    with valkey() as server:
        store = open_store(server.url)
        store.open()
        server.say("REPLICAOF 127.0.0.1 1")
        refused(StoreUnavailable, open_store(server.url), "read-only replica")
        with pytest.raises(StoreUnavailable, match="read-only replica"):
            store.add([job(1)])
        server.say("REPLICAOF NO ONE")
        assert store.add([job(1)]) == [job(1)]
        store.close()


def test_a_user_who_may_not():
    with valkey() as server:
        server.say("ACL SETUSER me on >pw +@read ~* &*")
        store = open_store(f"{server.url.replace('unix://', 'unix://me:pw@')}?namespace=shop")
        refused(ConfigError, store, "ACL SETUSER NAME ~{shop}:* &{shop}:* +@all")


def test_a_user_who_may_not_be_told_of_anything(caplog):
    """Neither hears hints nor may ask how the server keeps its data: said once each, with the words that allow it."""
    with valkey(appendonly="yes") as server:
        server.say("ACL SETUSER me on >pw resetchannels ~* +@all -info")
        app = App(server.url.replace("unix://", "unix://me:pw@"))
        echoed = app.task(name="echo")(echo).enqueue_many([(n,) for n in range(3)])
        with caplog.at_level(logging.WARNING, "longshore.stores"), app, app.worker():
            assert [one.result(20) for one in echoed] == [0, 1, 2]
            until(
                lambda: "hints between processes are not allowed" in caplog.text, "the sentence about hints"
            )
        assert caplog.text.count("&{longshore}:*") <= 2, "from who says and from who hears"
    said = [record.message for record in caplog.records if "INFO is forbidden" in record.message]
    assert len(said) == 1
    assert "ACL SETUSER NAME +info" in said[0]


def test_the_least_a_user_needs():
    with valkey() as server:
        server.say("ACL SETUSER me on >pw ~{longshore}:* &{longshore}:* +@all -@dangerous +info")
        app = App(server.url.replace("unix://", "unix://me:pw@"))
        store = app.store
        store.subscribe(["queue:*"], lambda: None)
        store.add(jobs(3))
        assert len(claim(store)) == 3
        assert store.count() == {("default", "running"): 3}
        app.close()


@pytest.mark.parametrize(("found", "words"), [("2", "later Longshore"), ("x", "never wrote")])
def test_a_namespace_of_another_version(found, words):
    with valkey() as server:
        server.say(f"SET {{longshore}}:schema {found}")
        refused(SchemaError, open_store(server.url), words, "?namespace=NAME")


def test_keys_of_somebody_else():
    with valkey() as server:
        server.say("LPUSH {longshore}:schema x")
        refused(SchemaError, open_store(server.url), "another type")
        server.say("SET {other}:jobs x")
        store = open_store(f"{server.url}?namespace=other")
        with pytest.raises(StoreError, match="something else"):
            store.add([job(1)])
        store.close()


def fill(store, start, **fields):
    for n in itertools.count():
        store.add(jobs(100, start=start + n * 100, args=bytes(1000), keep=0.0, **fields))


def test_a_full_server_takes_no_new_jobs_and_finishes_the_old():
    with valkey(maxmemory="3mb") as server:
        store = open_store(server.url)
        with pytest.raises(StoreFull, match="maxmemory"):
            fill(store, 1)
        with pytest.raises(StoreFull, match="maxmemory"):
            fill(store, 10**6, reason="why")
        stored = store.count()["default", "queued"]
        assert stored % 100 == 0
        got = store.exchange([], Claim("w", 10_000, 15.0)).jobs
        assert len(got) == stored
        assert set(store.extend([(one.id, 1) for one in got], 20.0).values()) == {False}
        store.put("worker", "w", {})
        changes = [succeeded(one, b"", store.now()) for one in got]
        assert len(store.exchange(changes, None).accepted) == stored
        assert store.purge(10_000) == stored
        store.add([job(10**6)])
        store.close()


@pytest.mark.parametrize(
    ("settings", "level", "words"),
    [
        ({}, logging.WARNING, "memory only"),
        ({"save": "60 1000"}, logging.WARNING, "snapshots at best"),
        ({"appendonly": "yes"}, logging.INFO, "about a second"),
        ({"appendonly": "yes", "appendfsync": "always"}, logging.INFO, "is on disk"),
        ({"appendonly": "yes", "appendfsync": "no"}, logging.INFO, "half minute"),
    ],
)
def test_what_the_server_keeps_is_said(caplog, settings, level, words):
    with valkey(**settings) as server, caplog.at_level(logging.INFO, "longshore.stores"):
        store = open_store(server.url)
        store.open()
        store.close()
        store.open()
        store.close()
    (record,) = [one for one in caplog.records if one.name == "longshore.stores"]
    assert record.levelno == level
    assert words in record.message


def test_what_cannot_be_seen_is_not_said(caplog):
    with valkey(appendonly="yes") as server:
        server.say("ACL SETUSER me on >pw ~* &* +@all -@dangerous +info")
        store = open_store(server.url.replace("unix://", "unix://me:pw@"))
        with caplog.at_level(logging.INFO, "longshore.stores"):
            store.open()
        store.close()
    assert "cannot be seen (CONFIG is forbidden)" in caplog.text


def test_a_connection_of_the_callers():
    store = open_store(in_namespace("connection"))
    assert store.transactional is False
    with pytest.raises(ConfigError, match="cannot join a transaction"):
        store.add([job(1)], connection=object())


def test_ids_that_are_none(tmp_path):
    store = open_store(in_namespace(str(tmp_path)))
    store.add([job(1), job(0xAB)])
    odd = ["", "x", number(1)[:-1], number(0xAB).upper(), number(1) + "0", " " + number(1)]
    assert store.get(odd) == {}
    assert store.delete(odd) == frozenset()
    assert store.extend([(one, 1) for one in odd], 1.0) == {}
    with pytest.raises(StoreError, match="hexadecimal"):
        store.add([job(1), job(2), msgspec.structs.replace(job(3), id="x")])
    assert len(store.get([number(1), number(2)])) == 1
    store.close()


def test_namespaces_are_apart(tmp_path):
    one, other = (open_store(in_namespace(f"{tmp_path}/{name}")) for name in "ab")
    one.add([job(1)])
    assert other.get([number(1)]) == {}
    assert other.add([job(1, task="else")]) == [job(1, task="else")]
    one.close()
    other.close()


def test_an_id_without_a_job_holds_nobody_up(tmp_path):
    store = open_store(in_namespace(str(tmp_path)))
    store.add(jobs(3))
    store.lines.ask("HDEL", store.lines.where.prefix + "jobs", bytes.fromhex(number(1)))
    assert [one.id for one in claim(store, 3)] == [number(2), number(3)]
    assert claim(store) == []
    store.close()
