"""New jobs, and who stands in their way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from longshore import model
from longshore.callers import Call, Steps
from longshore.errors import StoreUnavailable
from longshore.model import FIELDS, HOLDING, JobRecord
from longshore.stores.postgres import changing
from longshore.stores.postgres.arrays import texts
from longshore.stores.postgres.rows import TYPES, columns, records
from longshore.stores.postgres.text import read, stored

#: What the table fills in by itself, for the record has the same defaults; a column of nothing else is not sent.
_DEFAULTS: Final[dict[str, Any]] = dict(
    zip(
        FIELDS[len(FIELDS) - len(JobRecord.__struct_defaults__) :], JobRecord.__struct_defaults__, strict=True
    )
)
#: How often a key may be let go of just while we look for its holder.
_TRIES: Final = 20


@cache
def insert_one(fields: tuple[str, ...]) -> str:
    """The statement that stores one job. One whose id or unique key is there already is passed over."""
    names = ", ".join(f'"{name}"' for name in fields)
    values = ", ".join(f"%({name})s" for name in fields)
    return f"INSERT INTO {{jobs}} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608


@cache
def insert_many(fields: tuple[str, ...], alike: frozenset[str]) -> str:
    """The statement that stores many, in order; ``alike``: the fields that come once for all of them."""
    own = [name for name in fields if name not in alike]
    names = ", ".join(f'"{name}"' for name in fields)
    values = ", ".join(f"%({name})s::{TYPES[name]}" if name in alike else f'c."{name}"' for name in fields)
    arrays = ", ".join(f"%({name})s::{TYPES[name]}[]" for name in own)
    given = ", ".join(f'"{name}"' for name in own)
    return (
        f"INSERT INTO {{jobs}} ({names}) SELECT {values} FROM unnest({arrays}) AS c ({given}) "  # noqa: S608
        "ON CONFLICT DO NOTHING RETURNING id"
    )


def call(table: str, jobs: Sequence[JobRecord]) -> Call:
    """The statement and its values."""
    if len(jobs) == 1:
        return _call_one(table, jobs[0])
    # Column by column, each looked at as a whole: most hold nothing but what the table fills in by itself.
    found = dict(zip(FIELDS, zip(*map(astuple, jobs), strict=True), strict=True))
    fields = [name for name in FIELDS if not _fills_in(name, found[name])]
    alike, values = columns({name: found[name] for name in fields})
    return Call(insert_many(tuple(fields), alike).replace("{jobs}", table), values)


def _call_one(table: str, job: JobRecord) -> Call:
    values: dict[str, Any] = {}
    for name, value in zip(FIELDS, astuple(job), strict=True):
        if name not in _DEFAULTS or value != _DEFAULTS[name]:
            values[name] = stored(value) if type(value) is str else value
    return Call(insert_one(tuple(values)).replace("{jobs}", table), values)


def _fills_in(name: str, values: Sequence[Any]) -> bool:
    return name in _DEFAULTS and values.count(_DEFAULTS[name]) == len(values)


def in_one(jobs: Sequence[JobRecord]) -> bool:
    """Whether adding these may take several statements that write: then they have to be one transaction."""
    return any(job.unique_mode == "replace" for job in jobs) or _repeats(jobs)


def _repeats(jobs: Sequence[JobRecord]) -> bool:
    """Whether an id comes twice: then it cannot be told which of the two was stored."""
    return len(jobs) > 1 and len({job.id for job in jobs}) < len(jobs)


def add(sql: Mapping[str, str], table: str, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
    """Store the jobs; one record for each, as `base.Store.add` says."""
    if _repeats(jobs):
        answers: list[JobRecord] = []
        for job in jobs:
            answers += yield from _add(sql, table, [job])
        return answers
    return (yield from _add(sql, table, jobs))


def _add(sql: Mapping[str, str], table: str, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
    added = {read(row[0]) for row in (yield call(table, jobs))}
    if len(added) == len(jobs):
        return list(jobs)
    answers: dict[int, JobRecord] = {}
    refused: list[int] = []
    for place, job in enumerate(jobs):
        if job.id in added:
            answers[place] = job
        else:
            refused.append(place)
    # A holder may end between being in the way and being looked for: then there is room after all.
    for _ in range(_TRIES):
        refused = yield from _settle(sql, table, jobs, answers, refused)
        if not refused:
            return [answers[place] for place in range(len(jobs))]
    raise StoreUnavailable(
        f"the unique key of job {jobs[refused[0]].id} changed hands too quickly; try again"
    )


def _settle(
    sql: Mapping[str, str],
    table: str,
    jobs: Sequence[JobRecord],
    answers: dict[int, JobRecord],
    refused: list[int],
) -> Steps[list[int]]:
    """Find who stood in the way of the jobs at these places; the places for which nobody was found."""
    waiting = [jobs[place] for place in refused]
    keys = {job.unique for job in waiting if job.unique is not None and job.state in HOLDING}
    ids = {job.id for job in waiting}
    rows = yield Call(sql["holders"], {"ids": texts(ids), "keys": texts(keys)})
    found = {job.id: job for job in records(rows)}
    holders = {
        job.unique: job.id for job in found.values() if job.unique is not None and job.state in HOLDING
    }
    left: list[int] = []
    for place in refused:
        job = jobs[place]
        there = job.id in found
        holder = found.get(job.id if there else holders.get(job.unique or "", ""))
        if holder is None:
            if (yield call(table, [job])):
                holder = found[job.id] = job
                if job.unique is not None and job.state in HOLDING:
                    holders[job.unique] = job.id
            else:
                left.append(place)
                continue
        elif not there and job.unique_mode == "replace":
            holder = yield from _replaced(table, holder, job)
            if holder is None:
                left.append(place)
                continue
            found[holder.id] = holder
        answers[place] = holder
    return left


def _replaced(table: str, holder: JobRecord, job: JobRecord) -> Steps[JobRecord | None]:
    """The holder with the new job's request; as it was, where it has begun; None where it changed meanwhile."""
    change = model.replaced(holder, job)
    if change is None:
        return holder
    shapes = changing.shaped([change])
    if shapes is None or not (yield changing.calls(table, shapes)[0]):
        return None
    return msgspec.structs.replace(holder, **change.values)
