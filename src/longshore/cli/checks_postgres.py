"""What ``longshore doctor`` looks at on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from longshore.cli import overview
from longshore.cli.finding import Finding
from longshore.cli.times import span

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.stores.postgres.store import PostgresStore

_OLDEST_TESTED: Final = 150_000
_SKEW: Final = 1.0
_MANY_DEAD: Final = 50_000
_LONG: Final = 300.0
_STANDBY: Final = "what a standby that follows asynchronously had not received is lost with the server"
_PROMISES: Final[dict[str, str]] = {
    "on": "acknowledged means on the server's disk; " + _STANDBY,
    "local": "acknowledged means on the server's disk; " + _STANDBY,
    "remote_write": "acknowledged means on the server's disk and received by a standby",
    "remote_apply": "acknowledged means on the server's disk and a standby's, and visible there",
}


def look(app: App, trip: str) -> Iterator[Finding]:
    """The server, its promise, and our tables in it."""
    from longshore.stores.postgres.store import PostgresStore

    store = app.store
    assert isinstance(store, PostgresStore)
    began = time.time()
    found = store.condition()
    skew = float(found["clock"]) - (began + time.time()) / 2
    yield from _server(store, found, trip)
    yield _promise(found)
    yield from _pooler(store, app)
    yield _clock(skew)
    yield _connections(found, store, len(overview.live(store)))
    yield from _vacuum(store, found)
    yield _holder(found)
    yield _indexes(store, found)


def _server(store: PostgresStore, found: Mapping[str, str], trip: str) -> Iterator[Finding]:
    versions = store.versions()
    size = int(found.get("bytes", 0)) / 1e6
    text = (
        f'{store.url}, PostgreSQL {found["version"]}, schema "{store.schema}" of version {versions.found}, '
        f"{size:.1f} MB, write and read {trip}"
    )
    yield Finding("ok", "store", text)
    if versions.found is not None and versions.found > versions.newest:
        text = f"the tables are of version {versions.found}, this release makes {versions.newest}: it goes on with them"
        yield Finding("warn", "schema", text, "upgrade Longshore here when the others are")
    if int(found["number"]) < _OLDEST_TESTED:
        yield Finding(
            "warn",
            "server",
            f"PostgreSQL {found['version']} is older than any that is tested",
            "use 15 or later",
        )


def _promise(found: Mapping[str, str]) -> Finding:
    for name, costs in (
        ("fsync", "a power failure may cost every job, and the whole database"),
        ("full_page_writes", "a power failure may leave torn pages: a damaged database"),
    ):
        if found[name] == "off":
            fix = f"psql: ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            return Finding("warn", "promise", f"{name} is off: {costs}", fix)
    commit, names = found["synchronous_commit"], found.get("synchronous_standby_names", "")
    if commit == "off":
        return Finding(
            "warn", "promise", "synchronous_commit is off: a crash of the server costs the last jobs acknowledged",
            "psql: ALTER ROLE … SET synchronous_commit = on (for the role in the URL), then connect anew",
        )  # fmt: skip
    if not names:
        commit = "on"
    elif commit == "on":
        return Finding(
            "ok", "promise", f"acknowledged means on the disks of the server and a standby ({names})"
        )
    return Finding("ok", "promise", f"{_PROMISES[commit]}")


def _pooler(store: PostgresStore, app: App) -> Iterator[Finding]:
    if not store.pooled:
        return
    text = "behind a pooler in transaction mode: no hints between processes, jobs are found by looking once a second"
    if "pooler=transaction" in app.url:
        yield Finding("ok", "pooler", text)
    else:
        yield Finding(
            "warn",
            "pooler",
            text,
            "add ?pooler=transaction to the URL if it is meant, else name the server itself",
        )


def _clock(skew: float) -> Finding:
    if abs(skew) <= _SKEW:
        return Finding("ok", "clock", f"this host and the server differ by {abs(skew) * 1000:.0f} ms")
    text = (
        f"this host is {span(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the server: leases and due times go by the "
        "server's clock and are safe, an eta reckoned here is off by as much"
    )
    return Finding("warn", "clock", text, "set both clocks by NTP: timedatectl set-ntp true")


def _connections(found: Mapping[str, str], store: PostgresStore, workers: int) -> Finding:
    most = int(found["max_connections"]) - int(found["reserved"])
    used, ours = int(found["connections"]), int(found["ours"])
    wanted = store.budget * max(1, workers)
    text = (
        f"{used} of {most} connections in use, {ours} of them Longshore's; {workers} live workers may come to "
        f"{wanted} ({store.budget} each)"
    )
    if store.pooled or (wanted <= most and used < most * 0.9):
        return Finding("ok", "budget", text)
    fix = "lower ?pool= in the URL or the number of processes, raise max_connections, or put a pooler between"
    return Finding("warn", "budget", text, fix)


def _vacuum(store: PostgresStore, found: Mapping[str, str]) -> Iterator[Finding]:
    live, dead = int(found.get("live", 0)), int(found.get("dead", 0))
    text = f"{live:,} rows and {dead:,} dead ones, last vacuumed {found.get('vacuumed', 'never')[:19]}"
    name = store.schema.replace('"', '""')
    if dead > _MANY_DEAD and dead > live:
        yield Finding("warn", "vacuum", text, f'psql: VACUUM (ANALYZE) "{name}".jobs')
    else:
        yield Finding("ok", "vacuum", text)
    if found["autovacuum"] == "off":
        fix = "psql: ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf()"
        yield Finding("warn", "vacuum", "autovacuum is off: dead rows gather and claims grow slow", fix)
    if "slot" in found:
        yield Finding(
            "warn", "vacuum", f'nobody reads the replication slot "{found["slot"]}": what it keeps back grows',
            f"psql: SELECT pg_drop_replication_slot('{found['slot']}'), unless its reader comes back",
        )  # fmt: skip


def _holder(found: Mapping[str, str]) -> Finding:
    seconds = float(found.get("holder_seconds", 0))
    if seconds <= _LONG:
        return Finding("ok", "locks", "no transaction has been open for long")
    text = f"{found['holder']} has been in a transaction for {span(seconds)}: no dead row can be removed meanwhile"
    return Finding("warn", "locks", text, f"end it: psql: {found['holder_remedy']}")


def _indexes(store: PostgresStore, found: Mapping[str, str]) -> Finding:
    from longshore.stores.postgres.migrations import indexes

    name = store.schema.replace('"', '""')
    broken = found.get("broken", "").split()
    if broken:
        fix = f'psql: REINDEX INDEX CONCURRENTLY "{name}".{broken[0]}'
        return Finding("FAIL", "indexes", f"not valid: {', '.join(broken)}; claims cannot use it", fix)
    missing = sorted(indexes() - set(found.get("indexes", "").split()))
    if missing:
        fix = "make it again as longshore migrate --plan shows it for an empty schema (add ?schema=new to the URL)"
        return Finding("FAIL", "indexes", f"gone: {', '.join(missing)}; claims read the whole table", fix)
    return Finding("ok", "indexes", f"all {len(indexes()) + 1} are there and valid")
