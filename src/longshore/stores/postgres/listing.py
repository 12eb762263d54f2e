"""Listings: the narrowest index for what is asked, newest first."""

from __future__ import annotations

from typing import Any, Final

from longshore.model import Where
from longshore.stores.postgres.pool import Call
from longshore.stores.postgres.text import stored
from longshore.stores.statements import COLUMNS

_PAGE: Final = "LIMIT %(limit)s OFFSET %(skip)s"
_REST: Final = frozenset({"waiting", "failed", "cancelled", "held"})


def find(table: str, where: Where, limit: int, after: str | None) -> Call | None:
    """The statement and its values; None where nothing can be found."""
    leased = where.worker is not None or where.lease_before is not None
    queued = where.blocked or where.due_before is not None
    if limit <= 0 or where.states == () or (leased and queued):
        return None  # no job is in no state, nor leased and queued at once
    terms: list[str] = []
    values: dict[str, Any] = {"limit": limit, "skip": where.skip, "part": limit + where.skip}
    for name in ("queue", "task", "unique", "worker"):
        value = getattr(where, name)
        if value is not None:
            terms.append(f'"{name}" = %({name})s')
            values[name] = stored(value)
    if after is not None:
        terms.append("id < %(after)s")
        values["after"] = stored(after)
    if where.from_id is not None:
        terms.append("id >= %(from_id)s")
        values["from_id"] = stored(where.from_id)
    for text, name, value in (
        ("state = 'running'", "", leased or None),
        ("state = 'queued'", "", queued or None),
        ("reason IS NOT NULL", "", where.blocked or None),
        ("lease_until <= %(lease_before)s", "lease_before", where.lease_before),
        ("run_at <= %(due_before)s", "due_before", where.due_before),
    ):
        if value is not None:
            terms.append(text)
            if name:
                values[name] = float(value)
    return _by_state(table, where.states, terms, values)


def _by_state(table: str, states: tuple[str, ...] | None, terms: list[str], values: dict[str, Any]) -> Call:
    """Each state by itself where few jobs are in it; succeeded jobs are found among the newest ids just as fast."""
    if states is not None and _REST.issuperset(states) and len(states) > 1:
        parts = [
            f"(SELECT * FROM {table} WHERE {' AND '.join([f'''state = '{state}' ''', *terms])} "  # noqa: S608
            "ORDER BY id DESC LIMIT %(part)s)"
            for state in sorted(set(states))
        ]
        text = f"SELECT {COLUMNS} FROM ({' UNION ALL '.join(parts)}) AS j ORDER BY id DESC {_PAGE}"  # noqa: S608
        return Call(text, values)
    if states is not None:
        # Written out, so that the predicates of the indexes are seen to hold.
        known = [f"'{state}'" for state in states if state.isalpha()]
        terms = [*terms, f"state IN ({', '.join(known) or 'NULL'})"]
    condition = f"WHERE {' AND '.join(terms)}" if terms else ""
    return Call(f"SELECT {COLUMNS} FROM {table} {condition} ORDER BY id DESC {_PAGE}", values)  # noqa: S608
