"""What each method asks of the server: one script a write, keys of one slot, nothing that looks at everything there is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest
import redis
from redis.crc import key_slot

from longshore.model import Claim, Failure, Where, cancel, failed, succeeded
from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.testing.samples import job, jobs, number
from servers.valkey import Valkey, valkey

SCRIPTS = {"EVAL", "EVALSHA"}
#: what no call may use: their time grows with all that is stored
FORBIDDEN = {
    "KEYS",
    "SCAN",
    "HSCAN",
    "ZSCAN",
    "SSCAN",
    "HVALS",
    "HKEYS",
    "SMEMBERS",
    "SORT",
    "FLUSHDB",
    "FLUSHALL",
}
#: what a script asks beside keys
KEYLESS = {"TIME"}


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with valkey() as server:
        yield server


@pytest.fixture
def store(server, tmp_path) -> Iterator[Store]:
    store = open_store(f"{server.url}?namespace={tmp_path.name}")
    store.open()
    yield store
    store.close()


Asked = Sequence[Sequence[str]]


def asked(server: Valkey, work: Callable[[], object]) -> tuple[Asked, Asked]:
    """The commands of clients, and those of their scripts, while this was done."""
    by_clients: list[Sequence[str]] = []
    by_scripts: list[Sequence[str]] = []
    with redis.Redis(unix_socket_path=str(server.socket)) as client, client.monitor() as monitor:
        work()
        server.say("ECHO end")
        while (said := monitor.next_command())["command"] != "ECHO end":
            words = said["command"].split()
            by_whom = by_scripts if said["client_type"] == "lua" else by_clients
            by_whom.append([words[0].upper(), *words[1:]])
    return by_clients, by_scripts


def settle(store):
    return [succeeded(one, b"", store.now()) for one in store.find(Where(states=("running",)), 100)]


new = itertools.count(10_000)

WRITES: dict[str, Callable[[Store], Callable[[], object]]] = {
    "add one": lambda store: lambda: store.add([job(next(new))]),
    "add many": lambda store: lambda: store.add([job(next(new)) for _ in range(3000)]),
    "add unique": lambda store: lambda: store.add([job(next(new), unique="a"), job(next(new), unique="key")]),
    "claim": lambda store: lambda: store.exchange((), Claim("w", 3, 15.0)),
    "settle and claim": lambda store: (
        lambda changes: lambda: store.exchange(changes, Claim("w", 3, 15.0, queues=("default", "b")))
    )(settle(store)),
    "apply": lambda store: (lambda changes: lambda: store.apply(changes))(
        [
            failed(one, Failure("E", "", "", 1, 0.0), store.now(), 5.0)
            for one in store.find(Where(states=("running",)), 9)
        ]
    ),
    "extend": lambda store: lambda: store.extend([(number(n), 1) for n in range(1, 300)], 15.0),
    "delete": lambda store: lambda: store.delete([number(n) for n in range(1, 300)]),
    "purge": lambda store: lambda: store.purge(100),
    "put": lambda store: lambda: store.put("kind", "key", {"a": 1}, expires=5.0),
    "list": lambda store: lambda: store.list("kind"),
    "drop": lambda store: lambda: store.drop("kind", "key"),
}
READS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get([number(n) for n in range(300)]),
    "find": lambda store: store.find(Where(queue="default"), 10),
    "find lapsed": lambda store: store.find(Where(states=("running",), lease_before=store.now()), 10),
    "count": lambda store: store.count(),
    "oldest": lambda store: store.oldest(),
}


def fill(store):
    store.add(
        [
            *jobs(500),
            *jobs(20, start=600, queue="b", priority=3),
            job(700, unique="key"),
            job(701, reason="why"),
        ]
    )
    running = store.exchange((), Claim("w", 20, 15.0)).jobs
    store.apply([succeeded(one, b"", store.now()) for one in running[:5]])
    store.put("kind", "key", {}, expires=60.0)
    store.put("paused", "c", {})


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_one_script(server, store, name):
    fill(store)
    call = WRITES[name](store)
    call()  # the script is known to the server now
    by_clients, by_scripts = asked(server, call)
    assert [words[0] for words in by_clients] == ["EVALSHA"]
    within_one_slot(store, by_scripts)


@pytest.mark.parametrize("name", READS)
def test_a_read_looks_at_little(server, store, name):
    fill(store)
    by_clients, by_scripts = asked(server, lambda: READS[name](store))
    assert len(by_clients) <= 4
    within_one_slot(store, [words for words in by_clients if words[0] not in SCRIPTS], by_scripts)


def within_one_slot(store, *commands: Asked) -> None:
    prefix = store.lines.where.prefix
    for words in (words for some in commands for words in some):
        assert words[0] not in FORBIDDEN
        if words[0] not in KEYLESS:
            key = words[1].strip('"')
            assert key.startswith(prefix), words[:2]
            assert key_slot(key.encode()) == key_slot(prefix.encode())


def test_nothing_is_left_when_all_is_gone(server, store):
    fill(store)
    store.add([job(800, unique="last", keep=0.0, queue="d"), job(801, run_at=store.now() + 1000)])
    store.put("far", "key", {}, expires=600.0)
    for one in store.exchange((), Claim("w", 1000, 15.0)).jobs:
        assert store.apply([succeeded(one, b"result", store.now())])
    everybody = store.find(Where(), 1000)
    store.apply([succeeded(one, b"", store.now()) for one in everybody if one.state == "running"])
    store.apply(
        [
            change
            for one in everybody
            if one.state == "queued" and (change := cancel(one, store.now(), "")) is not None
        ]
    )
    assert len(store.delete([one.id for one in everybody])) == len(everybody)
    for kind, key in (("kind", "key"), ("paused", "c"), ("far", "key")):
        assert store.drop(kind, key)
    found = set(server.tell(f"KEYS {store.lines.where.prefix}*").split("\r\n")[2::2])
    assert found == {f"{store.lines.where.prefix}schema"}
