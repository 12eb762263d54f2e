"""The floor: the same tables, the same durability, the same columns written, by bare ``sqlite3``, as fast as sensible.

Ids, arguments and times are ready before the clock starts, rows stay tuples, nothing is checked, nobody is told. What is not
left out: WAL with synchronous=FULL, every index, results, and the fence (state, attempt) of every update.

As a program, ``python -m benchmarks.floor drain|serve PATH``: the loop of a worker without the worker.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sqlite3
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from benchmarks.place import QUEUE
from longshore.ids import new_ids

Row = tuple[Any, ...]

#: rows in one exchange
BATCH: Final = 500
_NONE: Final = b"\x01\xc0"
_KEEP: Final = 604_800.0
_WRITTEN: Final = (
    "id", "task", "queue", "args", "run_at", "created_at", "priority", "state", "expires_at", "keep", "unique",
    "unique_mode", "headers",
)  # fmt: skip
#: What a worker must know of a job at its first attempt.
_READ: Final = (*_WRITTEN[:7], "attempt", *_WRITTEN[8:])
_ID, _ATTEMPT = _READ.index("id"), _READ.index("attempt")
_CLAIM: Final = f"""
UPDATE longshore_jobs SET state = 'running', attempt = attempt + 1, worker = :worker, lease_until = :until,
  started_at = CASE WHEN crashes THEN NULL ELSE :now END, reason = NULL
WHERE seq IN (
  SELECT seq FROM longshore_jobs INDEXED BY longshore_due
  WHERE state = 'queued' AND queue = :queue AND priority = 0 AND run_at <= :now
  ORDER BY run_at, id LIMIT :limit)
RETURNING {", ".join(f'"{name}"' for name in _READ)}"""


def rows(count: int) -> list[Row]:
    """Jobs as they are stored, due now."""
    now = time.time()
    name, args = "benchmarks.tasks.empty_async", b"\x01\x90"
    return [
        (i, name, QUEUE, args, now, now, 0, "queued", None, _KEEP, None, None, None) for i in new_ids(count)
    ]


def connect(path: str) -> sqlite3.Connection:
    """Set as the store's own connections are."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, cached_statements=256)
    for setting in ("busy_timeout = 0", "synchronous = FULL", "temp_store = MEMORY", "cache_size = -16000"):
        connection.execute(f"PRAGMA {setting}")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE, after waiting for others as the store waits, to COMMIT."""
    pause = 0.0002
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        time.sleep(random.uniform(0.5, 1.0) * pause)
        pause = min(pause * 1.5, 0.01)
    yield
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, jobs: Sequence[Row], batch: int) -> None:
    """Store them, so many in one transaction."""
    for start in range(0, len(jobs), batch):
        with transaction(connection):
            _insert(connection, jobs[start : start + batch])


def _insert(connection: sqlite3.Connection, jobs: Sequence[Row]) -> None:
    for start in range(0, len(jobs), 64):
        part = jobs[start : start + 64]
        connection.execute(_inserting(len(part)), list(chain.from_iterable(part)))


@cache
def _inserting(count: int) -> str:
    # One statement for many rows is a third faster than `executemany`.
    row = f"({', '.join('?' * len(_WRITTEN))})"
    names = ", ".join(f'"{name}"' for name in _WRITTEN)
    return f"INSERT INTO longshore_jobs ({names}) VALUES {', '.join([row] * count)}"


def claim(connection: sqlite3.Connection, limit: int) -> list[Row]:
    """Lease the first jobs that are due, inside a transaction."""
    now = time.time()
    values = {"worker": "floor", "until": now + 15, "now": now, "queue": QUEUE, "limit": limit}
    return connection.execute(_CLAIM, values).fetchall()


def settle(connection: sqlite3.Connection, jobs: Sequence[Row], result: bytes = _NONE) -> None:
    """Store their results, inside a transaction."""
    now = time.time()
    for start in range(0, len(jobs), 64):
        part = [(job[_ID], job[_ATTEMPT], result, now, now + _KEEP) for job in jobs[start : start + 64]]
        connection.execute(_settling(len(part)), list(chain.from_iterable(part)))


@cache
def _settling(count: int) -> str:
    return (
        "UPDATE longshore_jobs INDEXED BY longshore_ids SET state = 'succeeded', result = column3, "
        "finished_at = column4, lease_until = NULL, purge_at = column5 "
        f"FROM (VALUES {', '.join(['(?, ?, ?, ?, ?)'] * count)}) AS done "
        "WHERE id = done.column1 AND attempt = done.column2 AND state = 'running'"
    )


def drain(connection: sqlite3.Connection, batch: int = BATCH) -> None:
    """Settle the last batch and claim the next in one transaction, until nothing is due."""
    jobs: list[Row] = []
    while True:
        with transaction(connection):
            if jobs:
                settle(connection, jobs)
            jobs = claim(connection, batch)
        if not jobs:
            return


def bell(path: str) -> socket.socket:
    """A socket that others can ring by its path."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(path)
    return ear


def serve(connection: sqlite3.Connection, path: str) -> None:
    """Wait to be told, claim, say when, settle, tell: one job at a time, two transactions each."""
    ear = bell(f"{path}-worker")
    print("ready", flush=True)
    while ear.recv(1):
        with transaction(connection):
            jobs = claim(connection, BATCH)
        began = struct.pack("d", time.monotonic())
        with transaction(connection):
            settle(connection, jobs, began)
        ear.sendto(b"!", f"{path}-caller")


def main(what: str, path: str) -> None:
    """Be a child of the benchmark."""
    connection = connect(path)
    if what == "serve":
        serve(connection, path)
        return
    print("ready", flush=True)
    sys.stdin.readline()
    drain(connection)
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
