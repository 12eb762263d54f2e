"""What an app's outbox can do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from longshore.callers import Caller, Steps
from longshore.errors import ConfigError
from longshore.failpoint import hit
from longshore.model import JobRecord, Where, cancelled
from longshore.outbox.record import REASON, arriving, let_run, unpacked
from longshore.outbox.shelf import Backlog, Row, Shelf
from longshore.stores import forks
from longshore.stores.address import masked
from longshore.stores.base import Store

#: The topic on which movers are told that something may wait.
TOPIC: Final = "outbox"
#: most jobs moved at once
BATCH: Final = 500
#: Seconds after which a job that waits in the store, and in no row, is taken for a leftover.
LEFT: Final = 60.0

_log = logging.getLogger("longshore.outbox")


class Outbox:
    """``app.outbox``: jobs enqueued in a transaction wait here until it is committed, then go to the store.

    Each is moved in three steps: stored where no worker takes it, and its row marked; let run; its row removed. A mover
    that dies anywhere is followed by another, which repeats only what changes nothing the second time: a store never
    stores one id twice, and lets a job run only while it waits. So each job runs as if it had been enqueued once.
    """

    def __init__(self, shelf: Shelf, store: Callable[[], Store]) -> None:
        self._shelf = shelf
        self._store = store
        forks.follow(shelf)

    @property
    def url(self) -> str:
        """Where the table is, any password masked."""
        return self._shelf.url

    def open(self) -> None:
        """Connect; make the table where there is none. SchemaError: the role may not. StoreUnavailable."""
        self._shelf.open()

    def close(self) -> None:
        """Let go of the connections; a later use opens again."""
        self._shelf.close()

    def plan(self) -> list[str]:
        """The statements that make the table, for a role that may run them."""
        return self._shelf.plan()

    def backlog(self) -> Backlog:
        """How many committed jobs wait to be moved, and for how many seconds the oldest has."""
        return self._shelf.backlog()

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """Put the jobs here in the caller's own transaction; see `stores.base.Store.join`."""
        return self._shelf.join(caller, jobs)

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """The jobs that wait here, as they will be when they arrive."""
        return {i: arriving(unpacked(job), 0.0) for i, job in self._shelf.get(ids).items()}

    def move(self) -> int:
        """Move all that wait now, here, in this thread; how many. Workers do it by themselves. StoreError."""
        moved = 0
        while batch := self.move_some():
            moved += batch
            if batch < BATCH:
                break
        return moved

    def move_some(self) -> int:
        """Move the oldest, at most `BATCH`; how many."""
        store = self._store()
        rows = self._shelf.take(BATCH, lambda found: self._add(store, found))
        rows = [row for row in rows if _readable(row)]
        if not rows:
            return 0
        hit("outbox.after_add")
        ids = [row.id for row in rows]
        store.apply([let_run(i) for i in ids])
        hit("outbox.after_release")
        store.publish({f"queue:{unpacked(row.job).queue}" for row in rows})
        self._shelf.drop(ids)
        return len(rows)

    def _add(self, store: Store, rows: Sequence[Row]) -> None:
        now = store.now()
        jobs = [arriving(unpacked(row.job), now) for row in rows if not row.moved and _readable(row)]
        if not jobs:
            return
        for job, stored in zip(jobs, store.add(jobs), strict=True):
            if stored.id != job.id:
                _log.info(
                    "%s %s was not stored: its unique key is held by %s (%s)",
                    job.task, job.id, stored.id, stored.state,
                )  # fmt: skip
        hit("outbox.before_mark")

    def clear(self) -> int:
        """Remove what a mover left that was stopped for so long that others had finished, and forgotten, its jobs."""
        store = self._store()
        old = store.now() - LEFT
        found = {
            job.id: job
            for job in store.find(Where(states=("waiting",)), BATCH)
            if job.reason == REASON and job.created_at < old
        }
        left = [job for i, job in found.items() if i not in self._shelf.get(list(found))] if found else []
        gone = store.apply([cancelled(job, store.now(), "was moved before") for job in left])
        store.delete(list(gone))
        return len(gone)


def _readable(row: Row) -> bool:
    try:
        unpacked(row.job)
    except msgspec.MsgspecError as error:
        _log.error("row %s of the outbox holds no job this release can read: %s", row.id, error)
        return False
    return True


def open_outbox(url: str, store: Callable[[], Store]) -> Outbox:
    """The outbox a URL names, not connected yet. ConfigError."""
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        from longshore.outbox.sqlite import SqliteShelf

        return Outbox(SqliteShelf(url), store)
    if scheme in ("postgresql", "postgres"):
        try:
            from longshore.outbox.postgres import PostgresShelf
        except ImportError as error:
            raise ConfigError(
                f'outbox= in PostgreSQL needs its driver: {error}\ninstall it: pip install "longshore[postgres]"'
            ) from None
        return Outbox(PostgresShelf(url), store)
    raise ConfigError(
        f"outbox={scheme + '://…' if '://' in url else masked(url)!r} is no database with transactions\n"
        "give the URL of yours: postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE"
    )
