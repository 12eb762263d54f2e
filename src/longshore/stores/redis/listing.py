"""Listings: which sorted sets of ids to walk, and what of them to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from longshore.model import JobRecord, Where
from longshore.stores.redis.lines import Lines
from longshore.stores.redis.packing import STATES, short, unpack

_PAGE = 500
#: So many ids are passed over at a time.
_LEAP = 5000


def find(lines: Lines, where: Where, limit: int, after: str | None) -> list[JobRecord]:
    """As `base.Store.find` says."""
    found: list[JobRecord] = []
    if limit <= 0:
        return found
    below = b"" if after is None else below_of(after)
    skip = where.skip if _narrow(where) else 0  # else `_pages` passes over the ids alone
    for ids in (
        _lapsed(lines, where, below) if where.lease_before is not None else _pages(lines, where, below, limit)
    ):
        for job in read(lines, ids):
            if where.from_id is not None and job.id < where.from_id:
                return found
            if shows(where, job):
                if skip:
                    skip -= 1
                    continue
                found.append(job)
                if len(found) == limit:
                    return found
    return found


def read(lines: Lines, ids: Sequence[bytes]) -> list[JobRecord]:
    """The jobs of these that exist, in order."""
    values = lines.ask("HMGET", lines.where.prefix + "jobs", *ids)
    return [unpack(key + value) for key, value in zip(ids, values, strict=True) if value is not None]


def below_of(after: str) -> bytes:
    """The stored id to stay below, which need not be one of a job."""
    key = short(after)
    if key is not None:
        return key
    # The longest beginning that is hexadecimal, filled up: nothing that sorts before the text is left out.
    digits = ""
    for digit in after[:32]:
        if digit not in "0123456789abcdef":
            break
        digits += digit
    return bytes.fromhex(digits.ljust(32, "f"))


def _pages(lines: Lines, where: Where, below: bytes, limit: int) -> Iterator[Sequence[bytes]]:
    """Ids by descending order, of the states that can be meant."""
    prefix = lines.where.prefix
    states = set(STATES if where.states is None else where.states)
    if where.worker is not None:
        states &= {"running"}
    if where.due_before is not None or where.blocked:
        states &= {"queued"}
    keys = [f"{prefix}s:{chr(STATES[state])}" for state in sorted(states)]
    if where.blocked and keys:
        keys = [prefix + "blocked"]
    if not keys:
        return
    narrow = _narrow(where)
    skip, size = (0, _PAGE) if narrow else (where.skip, min(limit, _PAGE))
    while True:
        step = min(skip, _LEAP) or size
        lists = lines.run("listing", keys, (below, step))
        ids = list(islice(merge(*lists, reverse=True), step))
        if not ids:
            return
        below = ids[-1]
        if skip:
            skip -= len(ids)
        else:
            yield ids


def _narrow(where: Where) -> bool:
    """Whether jobs have to be read to know which are meant."""
    asked = (where.queue, where.task, where.unique, where.worker, where.due_before, where.lease_before)
    return any(value is not None for value in asked)


def _lapsed(lines: Lines, where: Where, below: bytes) -> Iterator[Sequence[bytes]]:
    found: list[bytes] = lines.ask(
        "ZRANGEBYSCORE", lines.where.prefix + "leases", "-inf", repr(where.lease_before)
    )
    ids = sorted((key for key in found if not below or key < below), reverse=True)
    for start in range(0, len(ids), _PAGE):
        yield ids[start : start + _PAGE]


def shows(where: Where, job: JobRecord) -> bool:
    """Whether a listing of ``where`` shows this job. Times are inclusive, as they are when jobs are claimed."""
    equal = (
        (where.queue is None or job.queue == where.queue)
        and (where.task is None or job.task == where.task)
        and (where.unique is None or job.unique == where.unique)
        and (where.states is None or job.state in where.states)
    )
    return equal and _leased(where, job) and _due(where, job)


def _leased(where: Where, job: JobRecord) -> bool:
    if where.worker is not None and (job.state != "running" or job.worker != where.worker):
        return False
    if where.lease_before is None:
        return True
    return job.state == "running" and job.lease_until is not None and job.lease_until <= where.lease_before


def _due(where: Where, job: JobRecord) -> bool:
    if where.blocked and (job.state != "queued" or job.reason is None):
        return False
    return where.due_before is None or (job.state == "queued" and job.run_at <= where.due_before)
