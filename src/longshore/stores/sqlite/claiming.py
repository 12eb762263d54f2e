"""Which jobs a claim takes: from the best priority down, without ever walking over jobs that are not due."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final

import msgspec

from longshore.model import Claim, JobRecord
from longshore.stores.sqlite.rows import claimed, records

_order: Final = attrgetter("run_at", "id")
#: (queue, priority, due time of its first job)
Group = tuple[str, int, float]


def groups(
    connection: sqlite3.Connection,
    sql: Mapping[str, str],
    queues: tuple[str, ...] | None,
    unpaused: float | None = None,
) -> list[Group]:
    """The groups of these queues (None: all); with a time: without the queues paused then. A seek a group."""
    if queues is None:
        wanted, values = sql["queues"], []
    else:
        values = list(dict.fromkeys(queues))
        if not values:
            return []
        wanted = "VALUES " + ", ".join(["(?)"] * len(values))
    text = sql["groups"].replace("{wanted}", wanted)
    if unpaused is None:
        return connection.execute(text, values).fetchall()
    return connection.execute(f"{text} {sql['unpaused']}", [*values, unpaused]).fetchall()


def due(found: Iterable[Group], now: float) -> list[Group]:
    """The groups that have a job to give, best priority first."""
    return sorted((group for group in found if group[2] <= now), key=lambda group: -group[1])


def next_at(found: Iterable[Group]) -> float | None:
    """When the earliest job of these groups is due."""
    return min((group[2] for group in found), default=None)


def take(
    connection: sqlite3.Connection, sql: Mapping[str, str], claim: Claim, now: float
) -> tuple[list[JobRecord], float | None]:
    """Claim inside a transaction: the jobs, and where they are fewer than asked for, when the next one is due."""
    found = groups(connection, sql, claim.queues, now)
    jobs: list[JobRecord] = []
    for _, level in groupby(due(found, now), key=lambda group: group[1]):
        if len(jobs) >= claim.limit:
            break
        jobs += _take_level(connection, sql, claim, now, list(level), claim.limit - len(jobs))
    if len(jobs) >= claim.limit:
        return jobs, None
    if jobs:
        found = groups(connection, sql, claim.queues, now)
    return jobs, next_at(found)


def _take_level(
    connection: sqlite3.Connection,
    sql: Mapping[str, str],
    claim: Claim,
    now: float,
    level: list[Group],
    limit: int,
) -> list[JobRecord]:
    """Claim from groups of one priority; RETURNING keeps no order, so the order is made here."""
    until = now + claim.lease
    values: dict[str, Any] = {"worker": claim.worker, "lease_until": until, "now": now}
    if len(level) == 1:
        ((queue, priority, _),) = level
        values.update(queue=queue, priority=priority, limit=limit)
        rows = connection.execute(sql["claim"], values).fetchall()
    else:
        values["seqs"] = msgspec.json.encode(_pick(connection, sql, now, level, limit)).decode()
        rows = connection.execute(sql["claim_these"], values).fetchall()
    jobs = [claimed(row, claim.worker, until, now) for row in rows if not row[-1]]
    if len(jobs) < len(rows):
        used = msgspec.json.encode([row[0] for row in rows if row[-1]]).decode()
        jobs += records(connection.execute(sql["get"], (used,)))
    return sorted(jobs, key=_order)


def _pick(
    connection: sqlite3.Connection, sql: Mapping[str, str], now: float, level: list[Group], limit: int
) -> list[int]:
    """The first jobs of several queues together: each queue is read only as far as it is needed."""
    with ExitStack() as stack:
        lines = [
            stack.enter_context(closing(connection.execute(sql["pick"], (queue, priority, now, limit))))
            for queue, priority, _ in level
        ]
        return [seq for _, _, seq in islice(merge(*lines), limit)]
