"""New jobs, and who stands in their way."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from longshore import model
from longshore.model import FIELDS, HOLDING, JobRecord
from longshore.stores.sqlite.changing import apply
from longshore.stores.sqlite.rows import one
from longshore.stores.statements import COLUMNS

_INSERT: Final = (  # only names of our own
    f"INSERT INTO longshore_jobs ({COLUMNS}) VALUES ({', '.join('?' * len(FIELDS))}) ON CONFLICT DO NOTHING"  # noqa: S608
)


def add(connection: sqlite3.Connection, sql: Mapping[str, str], jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Insert inside a transaction; one record for each job, as `base.Store.add` says."""
    if len(jobs) > 1:
        connection.execute("SAVEPOINT longshore_add")
        stored = connection.executemany(_INSERT, map(msgspec.structs.astuple, jobs)).rowcount
        if stored == len(jobs):
            connection.execute("RELEASE longshore_add")
            return list(jobs)
        # Somebody stands in the way of some; who can only be told job by job, for they may be in each other's way.
        connection.execute("ROLLBACK TO longshore_add")
        connection.execute("RELEASE longshore_add")
    return [_add(connection, sql, job) for job in jobs]


def _add(connection: sqlite3.Connection, sql: Mapping[str, str], job: JobRecord) -> JobRecord:
    row: tuple[Any, ...] = msgspec.structs.astuple(job)
    cursor = _cursor(connection)
    if cursor.execute(_INSERT, row).rowcount == 1:
        return job
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
