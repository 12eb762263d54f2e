"""Listings: the narrowest index for what is asked, newest first."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from longshore.model import JobRecord, Where
from longshore.stores.sqlite.rows import records
from longshore.stores.statements import COLUMNS

_IDS: Final = "INDEXED BY longshore_ids"
#: Up to so many are sorted by id.
_FEW: Final = 20_000
_REST: Final = frozenset({"waiting", "failed", "cancelled", "held"})


def find(connection: sqlite3.Connection, where: Where, limit: int, after: str | None) -> list[JobRecord]:
    """Pick the rows in an index first, then read only those."""
    leased = where.worker is not None or where.lease_before is not None
    if where.states == () or (leased and (where.blocked or where.due_before is not None)):
        return []  # no job is in no state, nor leased and queued at once
    index, terms, values = _source(where)
    plain = not leased and not where.blocked and where.due_before is None
    if plain and terms and not _few(connection, f"{index} WHERE {terms[0]}", where.states or ()):
        index = _IDS
    for name in ("queue", "task", "unique", "worker"):
        value = getattr(where, name)
        if value is not None:
            terms.append(f'"{name}" = ?')
            values.append(value)
    if where.states is not None:
        terms.append(f"state IN ({', '.join('?' * len(where.states))})")
        values.extend(where.states)
    if after is not None:
        terms.append("id < ?")
        values.append(after)
    if where.from_id is not None:
        terms.append("id >= ?")
        values.append(where.from_id)
    picked = f"SELECT seq FROM longshore_jobs {index} WHERE {' AND '.join(terms) or '1'} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608
    text = f"SELECT {COLUMNS} FROM longshore_jobs WHERE seq IN ({picked}) ORDER BY id DESC"  # noqa: S608
    return records(connection.execute(text, [*values, limit, where.skip]).fetchall())


def _source(where: Where) -> tuple[str, list[str], list[Any]]:
    """The index to read, and the terms that allow it. Times are inclusive, as they are when jobs are claimed."""
    terms: list[str] = []
    values: list[Any] = []
    leased = where.worker is not None or where.lease_before is not None
    if leased:
        terms.append("state = 'running'")
    if where.lease_before is not None:
        terms.append("lease_until <= ?")
        values.append(where.lease_before)
    queued = where.blocked or where.due_before is not None
    if queued:
        terms.append("state = 'queued'")
    if where.blocked:
        terms.append("reason IS NOT NULL")
    if where.due_before is not None:
        terms.append("run_at <= ?")
        values.append(where.due_before)
    if leased:
        return "INDEXED BY longshore_leases", terms, values
    if where.blocked:
        return "INDEXED BY longshore_blocked", terms, values
    if queued:
        return "INDEXED BY longshore_due", terms, values
    return _by_state(where.states, terms), terms, values


def _by_state(states: tuple[str, ...] | None, terms: list[str]) -> str:
    """An index for states that few jobs are in; succeeded jobs are found among the newest ids just as fast."""
    if states == ("running",):
        terms.append("state = 'running'")
        return "INDEXED BY longshore_leases"
    if states == ("queued",):
        terms.append("state = 'queued'")
        return "INDEXED BY longshore_due"
    if states and _REST.issuperset(states):
        terms.append("state NOT IN ('queued', 'running')")
        return "INDEXED BY longshore_rest"
    return _IDS


def _few(connection: sqlite3.Connection, source: str, states: tuple[str, ...]) -> bool:
    """Whether so few jobs are in these states that sorting them is quick: else they are found among the newest ids."""
    marks = ", ".join("?" * len(states))
    text = f"SELECT 1 FROM longshore_jobs {source} AND state IN ({marks}) LIMIT 1 OFFSET {_FEW}"  # noqa: S608
    return connection.execute(text, states).fetchone() is None
