"""Claims, and what a process remembers from one to the next.

Jobs that were taken leave dead entries at the head of the index until the next vacuum, and each look at the head has to
walk over them. So while full batches are there to be had, a claim begins where the last one of this process left off, in
each group of jobs (a queue's of one priority) that had one due. It looks from the head again once that is cheap beside what
was done meanwhile, whenever a batch was not filled, and twice a second anyway: what came in before those places (a job
given back, one of a better priority) waits so long at most. Claims of a few jobs do so only where the look was slow, and
look ten times a second.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

import msgspec

from longshore.model import Claim, JobRecord
from longshore.stores.postgres.arrays import numbers, texts
from longshore.stores.postgres.pool import Call
from longshore.stores.postgres.rows import records
from longshore.stores.postgres.text import read, stored

#: Claims of at least this many jobs begin where the last one left off; others where the look from the head took ``_SLOW``.
_MANY: Final = 64
_SLOW: Final = 0.005
#: Seconds between two looks from the head, at most: for many jobs, and for a few.
_LONGEST: Final = 0.5
_SOON: Final = 0.1
#: Looks from the head may take one part in so many of the time.
_SHARE: Final = 20

Group = tuple[str, int]
Place = tuple[float, str]
Queues = tuple[str, ...] | None


class Taken(NamedTuple):
    """What a claim came to."""

    now: float
    next_at: float | None
    jobs: list[JobRecord]
    #: where each group that has a job due begins; none: they are too many
    heads: Mapping[Group, Place]


def order(job: JobRecord) -> tuple[int, float, str]:
    """Claim order. RETURNING keeps none, so it is made here."""
    return (-job.priority, job.run_at, job.id)


def taken(rows: Sequence[tuple[Any, ...]]) -> Taken:
    """What the rows of claim.sql say."""
    now, next_at, heads, first, *_ = rows[0]
    jobs = [] if first is None else sorted(records([row[3:] for row in rows]), key=order)
    found: list[tuple[str, int, float, str]] = [] if heads is None else msgspec.json.decode(heads)
    return Taken(
        now, next_at, jobs, {(read(queue), priority): (at, read(id_)) for queue, priority, at, id_ in found}
    )


def call(
    sql: Mapping[str, str], claim: Claim, now: float | None, known: Mapping[str, str] | None = None
) -> Call:
    """The statement and its values; with ``known``: from the places the last claim left off at."""
    values: dict[str, Any] = {
        "now": now,
        "worker": stored(claim.worker),
        "limit": claim.limit,
        "lease": float(claim.lease),
    }
    if known is not None:
        return Call(sql["claim_known"], {**values, **known})
    if claim.queues is None:
        return Call(sql["claim_all"], values)
    return Call(sql["claim_named"], {**values, "queues": texts(dict.fromkeys(claim.queues))})


class _Head:
    """What a look from the head found, and where the claims since then left off."""

    def __init__(self, took: float, heads: Mapping[Group, Place]) -> None:
        self._took = took
        self._since = monotonic()
        self.places = dict(heads)

    def holds(self, limit: int) -> bool:
        """Whether a claim of so many may begin at the places."""
        if limit < _MANY and self._took < _SLOW:
            return False
        longest = _LONGEST if limit >= _MANY else _SOON
        return monotonic() <= self._since + min(longest, self._took * _SHARE)


class Places:
    """Where the last full claim of this process left off, by what queues it was for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heads: dict[Queues, _Head] = {}

    def known(self, claim: Claim) -> dict[str, str] | None:
        """Values for due_known.sql, while they can be trusted."""
        with self._lock:
            head = self._heads.get(claim.queues)
            if head is None or not head.holds(claim.limit):
                return None
            return {
                "queues": texts([queue for queue, _ in head.places]),
                "priorities": numbers([priority for _, priority in head.places]),
                "ats": numbers([at for at, _ in head.places.values()]),
                "ids": texts([job_id for _, job_id in head.places.values()]),
            }

    def learn(self, claim: Claim, taken: Taken, looked: float | None) -> None:
        """Remember after a claim; ``looked``: how long the look from the head took, None: it was none."""
        jobs = taken.jobs
        with self._lock:
            if len(jobs) < claim.limit:
                self._heads.pop(claim.queues, None)
                return
            if looked is not None:
                self._heads[claim.queues] = _Head(looked, taken.heads)
            head = self._heads.get(claim.queues)
            if head is not None:
                head.places.update({(job.queue, job.priority): (job.run_at, job.id) for job in jobs})
