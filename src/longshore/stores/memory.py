"""The store that keeps everything in this process: for tests, and the meaning every other store is compared with."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Final, NoReturn

import msgspec

from longshore import model
from longshore.callers import Caller
from longshore.errors import ConfigError, StoreError
from longshore.failpoint import hit
from longshore.model import FIELDS, FINAL, HOLDING, Change, Claim, JobRecord, Where
from longshore.stores.base import Exchange, Subscription
from longshore.stores.hints import Hub

_replace = msgspec.structs.replace
_REMOVABLE: Final = FINAL | {"held"}
_CHANGEABLE: Final = frozenset(FIELDS) - {"id"}


class MemoryStore:
    """`base.Store` in plain dictionaries under one lock. Closing it forgets nothing; the process's end does."""

    transactional = False

    def __init__(self, url: str = "memory://", clock: Callable[[], float] | None = None) -> None:
        self.url = url
        self._clock = clock or time.time
        self._lock = threading.RLock()
        self._hub = Hub()
        self._jobs: dict[str, JobRecord] = {}
        self._holders: dict[str, str] = {}
        self._lines: dict[tuple[str, int], _Line] = {}
        self._running: dict[str, None] = {}
        self._purges: list[tuple[float, str]] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._docs: dict[str, dict[str, tuple[bytes, float | None]]] = {}

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """Forget the subscriptions; the jobs stay."""
        self._hub.clear()

    def now(self) -> float:
        """The clock given, else this machine's."""
        return self._clock()

    def add(self, jobs: Sequence[JobRecord], connection: Any = None) -> list[JobRecord]:
        """See `base.Store.add`; there is no connection a caller could have to this store."""
        if connection is not None:
            self.join(connection, jobs)
        with self._lock:
            hit("add.before_commit")
            answer = [self._add(job) for job in jobs]
        hit("add.after_commit")
        return answer

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> NoReturn:
        """ConfigError: there is nothing to join."""
        raise ConfigError(
            "memory:// has no transactions to join: enqueue without connection=, or use sqlite:///FILE"
        )

    def _add(self, job: JobRecord) -> JobRecord:
        if job.id in self._jobs:
            return self._jobs[job.id]
        holder_id = self._holders.get(job.unique) if job.unique is not None and job.state in HOLDING else None
        if holder_id is None:
            self._set(job)
            return job
        holder = self._jobs[holder_id]
        change = model.replaced(holder, job) if job.unique_mode == "replace" else None
        if change is not None:
            holder = _replace(holder, **change.values)
            self._set(holder)
        return holder

    def exchange(self, changes: Sequence[Change], claim: Claim | None) -> Exchange:
        """See `base.Store.exchange`."""
        _check(changes)
        with self._lock:
            hit("exchange.before_commit")
            accepted = self._apply(changes)
            jobs, next_at = self._claim(claim) if claim is not None else ([], None)
        hit("exchange.after_commit")
        return Exchange(accepted, jobs, next_at)

    def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """See `base.Store.apply`."""
        _check(changes)
        with self._lock:
            hit("apply.before_commit")
            return self._apply(changes)

    def _apply(self, changes: Sequence[Change]) -> frozenset[str]:
        return frozenset([change.id for change in changes if self._change(change)])

    def _change(self, change: Change) -> bool:
        job = self._jobs.get(change.id)
        if job is None or job.state != change.state or job.attempt != change.attempt:
            return False
        after = _replace(job, **change.values)
        takes = after.unique is not None and after.state in HOLDING
        if takes and self._holders.get(str(after.unique), after.id) != after.id:
            return False
        self._set(after)
        return True

    def _claim(self, claim: Claim) -> tuple[list[JobRecord], float | None]:
        now = self.now()
        paused = self._live("paused")
        lines = {
            key: line
            for key, line in self._lines.items()
            if key[0] not in paused and (claim.queues is None or key[0] in claim.queues)
        }
        # The heads of all lines that are due, best first. A line's key ends each entry, so lines are never compared.
        due: list[tuple[int, float, str, tuple[str, int]]] = []
        for key, line in lines.items():
            head = line.head(self._jobs)
            if head is not None and head[0] <= now:
                heappush(due, (-key[1], *head, key))
        jobs: list[JobRecord] = []
        while due and len(jobs) < claim.limit:
            _, _, job_id, key = heappop(due)
            job = model.claimed(self._jobs[job_id], claim.worker, now, claim.lease)
            self._set(job)
            jobs.append(job)
            head = lines[key].head(self._jobs)
            if head is not None and head[0] <= now:
                heappush(due, (-key[1], *head, key))
        if len(jobs) >= claim.limit:
            return jobs, None
        heads = (line.head(self._jobs) for line in lines.values())
        return jobs, min((head[0] for head in heads if head is not None), default=None)

    def extend(self, leases: Sequence[tuple[str, int]], lease: float) -> dict[str, bool]:
        """See `base.Store.extend`."""
        with self._lock:
            until = self.now() + lease
            held: dict[str, bool] = {}
            for job_id, attempt in leases:
                job = self._jobs.get(job_id)
                if job is not None and job.state == "running" and job.attempt == attempt:
                    self._set(_replace(job, lease_until=until))
                    held[job_id] = job.cancel_requested
            return held

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """See `base.Store.get`."""
        with self._lock:
            return {job_id: self._jobs[job_id] for job_id in ids if job_id in self._jobs}

    def find(self, where: Where, limit: int, after: str | None = None) -> list[JobRecord]:
        """See `base.Store.find`."""
        with self._lock:
            ids = sorted(self._candidates(where), reverse=True)
            found: list[JobRecord] = []
            for job_id in ids:
                if len(found) >= limit + where.skip:
                    break
                if (after is None or job_id < after) and matches(self._jobs[job_id], where):
                    found.append(self._jobs[job_id])
            return found[where.skip :]

    def _candidates(self, where: Where) -> Iterable[str]:
        if where.lease_before is not None:
            over, jobs = where.lease_before, self._jobs
            return [i for i in self._running if (until := jobs[i].lease_until) is not None and until <= over]
        return self._jobs if where.worker is None else self._running

    def count(self) -> dict[tuple[str, str], int]:
        """See `base.Store.count`."""
        with self._lock:
            return dict(+self._counts)

    def oldest(self) -> dict[str, float]:
        """See `base.Store.oldest`."""
        with self._lock:
            now = self.now()
            oldest: dict[str, float] = {}
            for (queue, _), line in self._lines.items():
                head = line.head(self._jobs)
                if head is not None and head[0] <= min(now, oldest.get(queue, now)):
                    oldest[queue] = head[0]
            return oldest

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """See `base.Store.delete`."""
        with self._lock:
            found = frozenset(i for i in ids if i in self._jobs and self._jobs[i].state in _REMOVABLE)
            for job_id in found:
                self._remove(self._jobs[job_id])
            return found

    def purge(self, limit: int) -> int:
        """See `base.Store.purge`."""
        with self._lock:
            now = self.now()
            removed = 0
            while removed < limit and self._purges and self._purges[0][0] <= now:
                purge_at, job_id = heappop(self._purges)
                job = self._jobs.get(job_id)
                if job is not None and job.purge_at == purge_at and job.state in FINAL:
                    self._remove(job)
                    removed += 1
            return removed

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`."""
        self._hub.tell(topics)

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        return self._hub.subscribe(topics, callback)

    def put(self, kind: str, key: str, doc: Mapping[str, Any], expires: float | None = None) -> None:
        """See `base.Store.put`."""
        text = msgspec.json.encode(doc)
        with self._lock:
            until = None if expires is None else self.now() + expires
            self._docs[kind] = {**self._live(kind), key: (text, until)}

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """See `base.Store.list`."""
        with self._lock:
            return {key: msgspec.json.decode(text) for key, (text, _) in self._live(kind).items()}

    def drop(self, kind: str, key: str) -> bool:
        """See `base.Store.drop`."""
        with self._lock:
            live = self._live(kind)
            found = live.pop(key, None) is not None
            self._docs[kind] = live
            return found

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """See `base.Store.hold`."""
        with self._lock:
            doc = self.list("held").get(name)
            if doc is not None and doc["owner"] != owner:
                return False
            self.put("held", name, {"owner": owner}, seconds)
            return True

    def _live(self, kind: str) -> dict[str, tuple[bytes, float | None]]:
        now = self.now()
        docs = self._docs.get(kind, {})
        return {key: doc for key, doc in docs.items() if doc[1] is None or doc[1] > now}

    def _set(self, job: JobRecord) -> None:
        """Store the record and bring everything that is derived from it up to date."""
        before = self._jobs.get(job.id)
        if before is not None:
            self._forget(before)
        self._jobs[job.id] = job
        self._counts[job.queue, job.state] += 1
        if job.unique is not None and job.state in HOLDING:
            self._holders[job.unique] = job.id
        if job.state == "queued":
            line = self._lines.get((job.queue, job.priority))
            if line is None:
                line = self._lines[job.queue, job.priority] = _Line(job.queue, job.priority)
            line.add(job)
        elif job.state == "running":
            self._running[job.id] = None
        elif job.purge_at is not None:
            heappush(self._purges, (job.purge_at, job.id))

    def _forget(self, job: JobRecord) -> None:
        self._counts[job.queue, job.state] -= 1
        if job.unique is not None and self._holders.get(job.unique) == job.id:
            del self._holders[job.unique]
        self._running.pop(job.id, None)

    def _remove(self, job: JobRecord) -> None:
        self._forget(job)
        del self._jobs[job.id]


class _Line:
    """The queued jobs of one queue and priority, earliest first.

    Jobs that left are skipped when they come to the head, so leaving costs nothing.
    """

    def __init__(self, queue: str, priority: int) -> None:
        self._place = (queue, priority)
        self._heap: list[tuple[float, str]] = []

    def add(self, job: JobRecord) -> None:
        heappush(self._heap, (job.run_at, job.id))

    def head(self, jobs: Mapping[str, JobRecord]) -> tuple[float, str] | None:
        """(due time, id) of the first job that is still in this line."""
        while self._heap:
            run_at, job_id = self._heap[0]
            job = jobs.get(job_id)
            if (
                job is not None
                and job.state == "queued"
                and job.run_at == run_at
                and (job.queue, job.priority) == self._place
            ):
                return run_at, job_id
            heappop(self._heap)
        return None


def _check(changes: Sequence[Change]) -> None:
    for change in changes:
        if not _CHANGEABLE.issuperset(change.values):
            raise unknown_field(change.values)


def unknown_field(values: Iterable[str]) -> StoreError:
    """The error for a change that names something no job has."""
    names = ", ".join(repr(name) for name in values if name not in _CHANGEABLE)
    return StoreError(f"a change may set the fields of JobRecord except id, not {names}")


def matches(job: JobRecord, where: Where) -> bool:
    """Whether a listing of ``where`` shows this job. Times are inclusive, as they are when jobs are claimed."""
    equal = (
        (where.queue is None or job.queue == where.queue)
        and (where.task is None or job.task == where.task)
        and (where.unique is None or job.unique == where.unique)
        and (where.states is None or job.state in where.states)
        and (where.from_id is None or job.id >= where.from_id)
    )
    return equal and _leased(job, where) and _due(job, where)


def _leased(job: JobRecord, where: Where) -> bool:
    if where.worker is None and where.lease_before is None:
        return True
    if job.state != "running" or (where.worker is not None and job.worker != where.worker):
        return False
    before = where.lease_before
    return before is None or (job.lease_until is not None and job.lease_until <= before)


def _due(job: JobRecord, where: Where) -> bool:
    if where.due_before is None and not where.blocked:
        return True
    if job.state != "queued" or (where.blocked and job.reason is None):
        return False
    return where.due_before is None or job.run_at <= where.due_before
