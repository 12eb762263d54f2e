"""Between rows of the table and records of the model."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from longshore.model import FIELDS, JobRecord

Row = tuple[Any, ...]

#: SQLite has no booleans; this is the only column that is one.
_FLAG: Final = FIELDS.index("cancel_requested")
#: The same, by position: the columns are its fields in order, which a type checker cannot see.
_record: Final = cast("Callable[..., JobRecord]", JobRecord)


def record(row: Row) -> JobRecord:
    """The record in a row of `statements.COLUMNS`."""
    return _record(*row[:_FLAG], row[_FLAG] == 1, *row[_FLAG + 1 :])


def records(rows: Iterable[Row]) -> list[JobRecord]:
    """The records in rows of `statements.COLUMNS`."""
    return [_record(*row[:_FLAG], row[_FLAG] == 1, *row[_FLAG + 1 :]) for row in rows]


def claimed(row: Row, worker: str, lease_until: float, now: float) -> JobRecord:
    """The record in a row of `statements.CLAIMED` that has no more than that.

    Half the columns, for they are most of what a claim costs; the rest of them is what the claim has just set.
    """
    (
        job_id,
        task,
        queue,
        args,
        run_at,
        created_at,
        priority,
        attempt,
        expires_at,
        keep,
        unique,
        mode,
        headers,
        _,
    ) = row
    return JobRecord(
        job_id,
        task,
        queue,
        args,
        run_at,
        created_at,
        priority,
        "running",
        attempt,
        0,
        0,
        expires_at,
        keep,
        unique,
        mode,
        worker,
        lease_until,
        now,
        headers=headers,
    )


def one(cursor: sqlite3.Cursor) -> JobRecord | None:
    """The record a query for at most one found."""
    row = cursor.fetchone()
    return None if row is None else record(row)
