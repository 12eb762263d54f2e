"""What is looked at when a store opens: whether this server can keep jobs at all, and how well it keeps them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from redis import exceptions

from longshore.errors import ConfigError, SchemaError, StoreUnavailable
from longshore.stores.redis import faults
from longshore.stores.redis.dialer import Line, ask
from longshore.stores.redis.location import Location

VERSION: Final = 1
_OLDEST: Final = (6, 2)


def check(line: Line, where: Location) -> None:
    """Raise where jobs would not be safe or cannot be; create the namespace where there is none."""
    info = information(line)
    if info.get("role") == "slave":
        raise faults.read_only(where.url)
    if where.kind != "cluster" and info.get("cluster_enabled") == "1":
        raise ConfigError(
            f"{where.url!r} is a node of a cluster\nwrite redis+cluster://HOST1:PORT,HOST2:PORT instead"
        )
    check_version(info.get("redis_version", ""), where)
    _check_eviction(line, info, where)
    _check_schema(line, where)


_SYNCED: Final[Mapping[str | None, str]] = {
    "always": "synced before each answer: what was acknowledged is on disk",
    "everysec": "synced every second: a crash of the server costs nothing, a power failure about a second",
    "no": "synced when the system likes: a power failure costs the last half minute or so",
    None: "a crash of the server costs nothing; how often it is synced cannot be seen (CONFIG is forbidden)",
}
_BETTER: Final = "keep them with: redis-cli CONFIG SET appendonly yes"


def promise(line: Line, where: Location) -> tuple[bool, str]:
    """Whether a crash of the server keeps the jobs, and what is lost when, as a sentence."""
    info = information(line)
    if not info:
        return (
            False,
            "INFO is forbidden, so nobody knows whether the server keeps jobs on disk and throws none away when its "
            "memory is full; allow it: ACL SETUSER NAME +info",
        )
    kept, sentence = _kept(line, info)
    return kept, sentence + _failover(info, where)


def moved(line: Line, where: Location) -> tuple[bool, str]:
    """The same of a server that took over: whether all is well with it, and what it promises."""
    evicts = _evicts(line, info := information(line))
    if evicts:
        return (
            False,
            f"the server that took over throws jobs away when its memory is full (maxmemory-policy {evicts})",
        )
    kept, sentence = _kept(line, info) if info else (False, "what it keeps cannot be seen")
    return kept, f"another server took over; {sentence}"


def _kept(line: Line, info: Mapping[str, str]) -> tuple[bool, str]:
    if info.get("aof_enabled") == "1":
        sync = setting(line, "appendfsync")
        return True, f"append-only file, {_SYNCED.get(sync, f'appendfsync {sync}')}"
    save = setting(line, "save")
    if save == "":
        return False, f"memory only: a restart of the server costs every job; {_BETTER}"
    return False, f"snapshots at best: a crash of the server costs every job since the last one; {_BETTER}"


def _failover(info: Mapping[str, str], where: Location) -> str:
    """What is lost where a replica takes over."""
    if where.replicas:
        return f"; a new job is acknowledged when {where.replicas} of the replicas have it"
    if where.kind == "server" and info.get("connected_slaves", "0") == "0":
        return ""
    return "; a failover costs what the replica had not received yet (?replicas=1: new jobs wait for one)"


def information(line: Line) -> Mapping[str, str]:
    """What INFO says, by name; empty where it is forbidden."""
    try:
        text: str = ask(line, "INFO").decode(errors="replace")
    except exceptions.ResponseError:
        return {}
    return dict(re.findall(r"^([a-z_0-9]+):(.*?)\r?$", text, re.MULTILINE))


def setting(line: Line, name: str) -> str | None:
    """A setting; None where it may not be looked at."""
    try:
        found = ask(line, "CONFIG", "GET", name)
    except exceptions.ResponseError:
        return None
    return found[1].decode() if found else None


def check_version(version: str, where: Location) -> None:
    """Refuse a server that lacks what the scripts use."""
    # Valkey says 7.2.4 here, whatever it is, for the sake of those who look.
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers and numbers < _OLDEST:
        raise StoreUnavailable(
            f"{where.url!r} is Redis {version}: Longshore needs 6.2 or later, or any Valkey\n"
            "upgrade the server, or name another"
        )


def _check_eviction(line: Line, info: Mapping[str, str], where: Location) -> None:
    if policy := _evicts(line, info):
        raise ConfigError(
            f"{where.url!r} throws data away when its memory is full (maxmemory-policy {policy}): jobs would vanish\n"
            "make it refuse instead: redis-cli CONFIG SET maxmemory-policy noeviction\n"
            "and write the same into its configuration file; a cache needs a server of its own"
        )


def _evicts(line: Line, info: Mapping[str, str]) -> str | None:
    """The policy by which the server throws keys away, if it does."""
    policy = info.get("maxmemory_policy") or setting(line, "maxmemory-policy")
    return policy if policy != "noeviction" else None


def _check_schema(line: Line, where: Location) -> None:
    key = where.prefix + "schema"
    try:
        if (written := ask(line, "GET", key)) is None:
            ask(line, "SET", key, VERSION, "NX")
            written = ask(line, "GET", key)
        found = written.decode(errors="replace")
    except exceptions.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        found = "of another type"
    if found == str(VERSION):
        return
    if found.isdecimal() and int(found) > VERSION:
        raise SchemaError(
            f"{where.url!r}: namespace {where.namespace!r} was made by a later Longshore "
            f"(schema {found}, this one knows {VERSION})\n"
            "upgrade Longshore here, or choose another with ?namespace=NAME"
        )
    raise SchemaError(
        f"{where.url!r}: the key {key!r} is {found!r}, which Longshore never wrote\n"
        "choose another namespace: ?namespace=NAME"
    )
