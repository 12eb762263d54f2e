"""What ``longshore doctor`` looks at on Redis and Valkey."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from longshore.cli.finding import Finding
from longshore.cli.times import span

if TYPE_CHECKING:
    from longshore.app import App

_SKEW: Final = 1.0
_SLOTS: Final = 16384
_NEARLY: Final = 0.8


def look(app: App, trip: str) -> Iterator[Finding]:
    """The server, its promise, its room and its replicas."""
    from longshore.stores.redis.store import RedisStore

    store = app.store
    assert isinstance(store, RedisStore)
    began = time.time()
    found = store.condition()
    skew = float(found["clock"]) - (began + time.time()) / 2
    what = (
        f"Valkey {found['valkey_version']}"
        if "valkey_version" in found
        else f"Redis {found.get('redis_version', '?')}"
    )
    yield Finding("ok", "store", f"{app.url}, {what}, write and read {trip}")
    yield from _promise(found)
    yield _memory(found)
    yield from _replicas(found)
    yield from _cluster(found)
    yield _clock(skew)


def _promise(found: Mapping[str, str]) -> Iterator[Finding]:
    sentence, _, fix = found["promise"].partition("; keep them with: ")
    if found["kept"] == "yes":
        yield Finding("ok", "promise", sentence)
    else:
        yield Finding("warn", "promise", sentence, fix)
    for name, what in (("aof_last_write_status", "append-only file"), ("rdb_last_bgsave_status", "snapshot")):
        if found.get(name, "ok") != "ok":
            yield Finding(
                "FAIL", "promise", f"the last {what} could not be written: jobs are refused, or lost at the next crash",
                "look into the server's log; most often its disk is full",
            )  # fmt: skip


def _memory(found: Mapping[str, str]) -> Finding:
    policy = found.get("maxmemory_policy") or found.get("maxmemory-policy")
    used, most = int(found.get("used_memory", 0)), int(found.get("maxmemory", 0))
    if policy is None:
        return Finding(
            "warn", "memory", "whether the server throws jobs away when it is full cannot be seen (INFO is forbidden)",
            "allow it: ACL SETUSER NAME +info",
        )  # fmt: skip
    text = (
        f"{used / 1e6:.1f} MB of {f'{most / 1e6:.1f} MB' if most else 'no limit'}, maxmemory-policy {policy}"
    )
    if most and used > most * _NEARLY:
        return Finding(
            "warn", "memory", f"{text}: when it is full, new jobs are refused",
            "redis-cli CONFIG SET maxmemory BYTES, or keep finished jobs for a shorter time (keep=)",
        )  # fmt: skip
    return Finding("ok", "memory", text)


def _replicas(found: Mapping[str, str]) -> Iterator[Finding]:
    number = found.get("connected_slaves")
    if number is None:
        return
    least = found.get("min-replicas-to-write")
    text = f"{number} connected; replication does not wait, so a failover loses what had not arrived"
    if number == "0":
        yield Finding("ok", "replicas", "none: the jobs are on this machine alone")
    elif least == "0":
        yield Finding(
            "warn", "replicas", f"{text}, and a primary that is cut off goes on taking jobs that will be lost",
            "redis-cli CONFIG SET min-replicas-to-write 1",
        )  # fmt: skip
    else:
        yield Finding("ok", "replicas", text)


def _cluster(found: Mapping[str, str]) -> Iterator[Finding]:
    if "cluster_state" not in found:
        return
    served, state = int(found.get("cluster_slots_ok", 0)), found["cluster_state"]
    text = f"state {state}, {served:,} of {_SLOTS:,} slots served"
    if state == "ok" and served == _SLOTS:
        yield Finding("ok", "cluster", text)
    else:
        yield Finding("FAIL", "cluster", text, "redis-cli --cluster fix HOST:PORT")


def _clock(skew: float) -> Finding:
    if abs(skew) <= _SKEW:
        return Finding("ok", "clock", f"this host and the server differ by {abs(skew) * 1000:.0f} ms")
    text = f"this host is {span(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the server, whose clock decides"
    return Finding("warn", "clock", text, "set both clocks by NTP: timedatectl set-ntp true")
