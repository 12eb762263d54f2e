"""Adding jobs on a connection of the caller's, so that they come and go with the caller's own transaction."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from longshore import model
from longshore.callers import Call, Caller, Refused, Steps
from longshore.errors import ConfigError
from longshore.model import JobRecord
from longshore.stores.sqlite import adding, changing
from longshore.stores.sqlite.connection import busy_message
from longshore.stores.sqlite.rows import records

#: most rows of one statement
_ROWS: Final = 64
#: Where the connection leads to.
_FILE: Final = "SELECT file FROM pragma_database_list WHERE name = 'main'"


def checked(caller: Caller, path: str, ours: str, point: str) -> Steps[None]:
    """ConfigError where the caller's connection is none to our file."""
    if caller.dialect != "sqlite":
        raise ConfigError(
            f"connection= wants a connection to {path!r}: a sqlite3.Connection, aiosqlite's or SQLAlchemy's\n"
            f"this one, a {caller.name}, is to {caller.dialect}"
        )
    caller.check()
    rows = yield Call(_FILE, ())
    found = rows[0][0] if rows else ""
    try:
        same = bool(found) and os.path.samestat(os.stat(found), os.stat(path))
    except OSError:
        same = False
    if not same:
        raise ConfigError(
            f"connection= is to {found or 'a database in memory'!r}, but {ours} is {path!r}\n"
            f"a job can only join a transaction on the store's own file: connect to that, or point {point} at yours"
        )


def made(path: str) -> Steps[None]:
    """ConfigError where our tables are not there: they cannot be made while the caller's transaction writes."""
    if not (yield Call("SELECT 1 FROM sqlite_master WHERE name = 'longshore_meta'", ())):
        raise ConfigError(
            f"{path!r} has no tables of Longshore's yet, and in the middle of your transaction they cannot be made\n"
            "make them before it, once: app.open()"
        )


def whole(steps: Steps[list[JobRecord]], table: str) -> Steps[list[JobRecord]]:
    """All of the statements or none, and the caller's own work before them untouched."""
    # First what lets the driver begin the transaction that it begins before any write. Else the savepoint would be the
    # outermost one, and its release would commit before the caller does.
    yield Call(f"DELETE FROM {table} WHERE 0", ())  # noqa: S608
    yield Call("SAVEPOINT longshore_guest", ())
    try:
        answer = yield from steps
    except GeneratorExit:
        raise
    except BaseException:
        with contextlib.suppress(Refused):  # a full disk has rolled back already
            yield Call("ROLLBACK TO longshore_guest", ())
            yield Call("RELEASE longshore_guest", ())
        raise
    yield Call("RELEASE longshore_guest", ())
    return answer


def add(sql: Mapping[str, str], jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
    """Store the jobs; one record for each, as `base.Store.add` says. One job that nobody holds up: one statement."""
    if len(jobs) == 1 and jobs[0].unique_mode != "replace":
        return (yield from _add(sql, jobs))
    return (yield from whole(_add(sql, jobs), "longshore_meta"))


def _add(sql: Mapping[str, str], jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
    stored: set[str] = set()
    for start in range(0, len(jobs), _ROWS):
        stored.update(row[0] for row in (yield _insert(jobs[start : start + _ROWS])))
    answers: list[JobRecord] = []
    for job in jobs:
        if job.id in stored:
            stored.remove(job.id)  # the same again is a repetition
            answers.append(job)
        else:
            answers.append((yield from _standing(sql, job)))
    return answers


def _insert(jobs: Sequence[JobRecord]) -> Call:
    fields, values = adding.columns(jobs)
    return Call(f"{adding.insert(fields, len(jobs))} RETURNING id", list(chain.from_iterable(values)))


def _standing(sql: Mapping[str, str], job: JobRecord) -> Steps[JobRecord]:
    """Who stands in the way of this job: itself, stored before, or the holder of its key."""
    same = records((yield Call(sql["get"], (msgspec.json.encode([job.id]).decode(),))))
    if same:
        return same[0]
    [holder] = records((yield Call(sql["holder"], (job.unique,))))
    change = model.replaced(holder, job) if job.unique_mode == "replace" else None
    if change is None:
        return holder
    values = change.values
    text = changing.update(tuple(values))
    yield Call(text, (*values.values(), change.id, change.state, change.attempt))
    return msgspec.structs.replace(holder, **values)


def told(path: str, error: Refused) -> Exception:
    """What a caller's driver said, as an error of ours."""
    said = sqlite3.OperationalError(str(error))
    if isinstance(error.code, int):
        said.sqlite_errorcode = error.code
    return busy_message(path, said)
