"""What must be true of a history, whatever was killed, paused or cut off in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from longshore.model import FINAL, JobRecord
from longshore.testing.ledger import Start


class History(msgspec.Struct, frozen=True):
    """What happened, as far as the outside can tell. Each job's function returns the attempt it ran as.

    acknowledged   ids whose enqueue returned to its caller
    jobs           the store at the end, by id
    results        the decoded results of those that succeeded
    starts         the ledger
    takeovers      how often a worker died, was paused beyond its lease, or gave its jobs back
    """

    acknowledged: frozenset[str]
    jobs: Mapping[str, JobRecord]
    results: Mapping[str, Any]
    starts: Sequence[Start]
    takeovers: int


def violations(history: History) -> list[str]:
    """Every promise that was broken, as sentences; none: all held."""
    return [*_lost(history), *_unfinished(history), *_untrue(history), *_restarted(history)]


def _lost(history: History) -> Iterator[str]:
    """Every acknowledged enqueue is in the store; and nothing began that was never there."""
    for job in sorted(history.acknowledged - history.jobs.keys()):
        yield f"{job} was acknowledged and is lost"
    for job in sorted({start.job for start in history.starts} - history.jobs.keys()):
        yield f"{job} began and is not in the store"


def _unfinished(history: History) -> Iterator[str]:
    """All of them reach their one good end: dying around a job neither fails it nor holds it."""
    for record in history.jobs.values():
        if record.state != "succeeded":
            yield f"{record.id} is {record.state}: {record.reason}"
        if record.failures:
            yield f"{record.id} counts {record.failures} failures, and none of its runs failed"
        if record.state in FINAL and record.lease_until is not None:
            yield f"{record.id} is {record.state} and still leased"


def _untrue(history: History) -> Iterator[str]:
    """The result is the one of the last attempt, the only one that may write, and that attempt began."""
    begun = {(start.job, start.attempt) for start in history.starts}
    for job, result in history.results.items():
        record = history.jobs[job]
        if result != record.attempt:
            yield f"{job} has the result of attempt {result}, and was last claimed as attempt {record.attempt}"
        elif (job, result) not in begun:
            yield f"{job} has a result of attempt {result}, which never began"


def _restarted(history: History) -> Iterator[str]:
    """At most one start a claim, and one more claim a takeover."""
    most = 1 + history.takeovers
    for (job, attempt), times in Counter((start.job, start.attempt) for start in history.starts).items():
        if times > 1:
            yield f"{job} began {times} times as attempt {attempt}"
    for record in history.jobs.values():
        if record.attempt > most:
            yield f"{record.id} was claimed {record.attempt} times, with {history.takeovers} takeovers"
        if record.crashes > history.takeovers:
            yield f"{record.id} counts {record.crashes} crashes of {history.takeovers}"
