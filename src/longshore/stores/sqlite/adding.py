"""New jobs, and who stands in their way."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from longshore import model
from longshore.model import FIELDS, HOLDING, JobRecord
from longshore.stores.sqlite import chunks
from longshore.stores.sqlite.changing import apply
from longshore.stores.sqlite.rows import one

#: What a job that was never claimed may have set; the table's defaults are its other fields.
_FRESH: Final = tuple(
    "id task queue args run_at created_at priority state expires_at keep unique unique_mode headers".split()  # noqa: SIM905
)
_fresh: Final = attrgetter(*_FRESH)
_others: Final = attrgetter(*[name for name in FIELDS if name not in _FRESH])
_UNTOUCHED: Final = _others(JobRecord("", "", "", b"", 0.0, 0.0))


@cache
def insert(fields: tuple[str, ...], rows: int) -> str:
    """The statement that stores so many jobs. One whose id or unique key is there already is passed over."""
    names = ", ".join(f'"{name}"' for name in fields)
    row = f"({', '.join('?' * len(fields))})"
    return f"INSERT INTO longshore_jobs ({names}) VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608


def columns(jobs: Sequence[JobRecord]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The columns to write, and the values of each job."""
    if all(_others(job) == _UNTOUCHED for job in jobs):
        return _FRESH, list(map(_fresh, jobs))
    return FIELDS, list(map(msgspec.structs.astuple, jobs))


def _insert(connection: sqlite3.Connection, jobs: Sequence[JobRecord]) -> int:
    fields, rows = columns(jobs)
    return chunks.execute(connection, lambda size: insert(fields, size), rows)


def add(connection: sqlite3.Connection, sql: Mapping[str, str], jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Insert inside a transaction; one record for each job, as `base.Store.add` says."""
    if len(jobs) > 1:
        connection.execute("SAVEPOINT longshore_add")
        if _insert(connection, jobs) == len(jobs):
            connection.execute("RELEASE longshore_add")
            return list(jobs)
        # Somebody stands in the way of some; who can only be told job by job, for they may be in each other's way.
        connection.execute("ROLLBACK TO longshore_add")
        connection.execute("RELEASE longshore_add")
    return [_add(connection, sql, job) for job in jobs]


def _add(connection: sqlite3.Connection, sql: Mapping[str, str], job: JobRecord) -> JobRecord:
    if _insert(connection, [job]) == 1:
        return job
    cursor = _cursor(connection)
    stored = one(cursor.execute(sql["get"], (msgspec.json.encode([job.id]).decode(),)))
    if stored is not None:
        return stored
    holder = one(cursor.execute(sql["holder"], (job.unique,)))
    if holder is None or job.state not in HOLDING:
        # Cannot be: the insert was refused by one of two unique indexes.
        raise sqlite3.IntegrityError(f"job {job.id} was neither stored nor refused for a reason")
    change = model.replaced(holder, job) if job.unique_mode == "replace" else None
    if change is None:
        return holder
    apply(connection, [change])
    return msgspec.structs.replace(holder, **change.values)


def _cursor(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """A cursor that gives plain tuples, whatever rows the connection (perhaps the caller's) is set to give."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor
