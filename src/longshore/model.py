"""The job as it is stored, and every transition of its life. Pure: no clock, no I/O, no asyncio.

            add                claim (attempt+1)                 succeeded
   ─────▶ QUEUED ───────────────────▶ RUNNING ───────────────────▶ SUCCEEDED
     │      ▲  │ cancelled / expired     │ │ │ failed, no retry left
     │      │  └────────▶ CANCELLED ◀────┘ │ └──────────────────▶ FAILED
     ▼      │      stopped when asked      │ crashed too often, undecodable
   WAITING ─┘  ◀───────────────────────────┴────────────────────▶ HELD
   (for parents, for a slot of its key)   retry · snoozed · released at shutdown · lease lapsed → QUEUED
   any finished or held state ── retried by hand ──▶ QUEUED

A transition takes the job as it was read and gives a `Change`, which a store applies only while the job is still
(id, state, attempt). `attempt` only grows: it is the fence that keeps a worker which lost its lease from writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

State = Literal["queued", "waiting", "running", "succeeded", "failed", "cancelled", "held"]
UniqueMode = Literal["existing", "reject", "replace"]

FINAL: Final[frozenset[str]] = frozenset({"succeeded", "failed", "cancelled"})
#: A unique key is held while its job is in one of these states, and free in all others.
HOLDING: Final[frozenset[str]] = frozenset({"queued", "waiting", "running"})

PRIORITY_MIN: Final = -100
PRIORITY_MAX: Final = 100
ERRORS_KEPT: Final = 10
#: why a job was cancelled that missed its expiry
EXPIRED: Final = "expired before it could begin"


class JobRecord(msgspec.Struct, frozen=True, gc=False):
    """One job as it is stored. All times are seconds since the epoch on the store's clock.

    id            32 hexadecimal digits of a version 7 UUID (RFC 9562): sorts by creation
    args          the encoded arguments (see `codec`)
    run_at        not before this time
    expires_at    cancelled if not begun by then; None: never
    keep          seconds the finished job stays readable; None: for ever
    attempt       how often it was claimed; the fence
    failures      runs that ended in an error; what a retry policy counts
    crashes       leases that lapsed under a started run
    unique        the unique key; held while the state is one of `HOLDING`
    worker        who has, or last had, the lease
    started_at    when the current (or last) run began. None under a lease: not begun yet
    purge_at      when retention may remove it
    reason        why it is in this state, as a sentence
    errors        JSON list of `Failure`, oldest first, at most `ERRORS_KEPT`
    progress      JSON of `Progress`
    headers       msgpack map of strings: what enqueue-side middleware and parents pass along
    """

    id: str
    task: str
    queue: str
    args: bytes
    run_at: float
    created_at: float
    priority: int = 0
    state: State = "queued"
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    expires_at: float | None = None
    keep: float | None = None
    unique: str | None = None
    unique_mode: UniqueMode | None = None
    worker: str | None = None
    lease_until: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    purge_at: float | None = None
    cancel_requested: bool = False
    reason: str | None = None
    errors: bytes | None = None
    result: bytes | None = None
    progress: bytes | None = None
    headers: bytes | None = None


FIELDS: Final[tuple[str, ...]] = JobRecord.__struct_fields__


class Failure(msgspec.Struct, frozen=True, gc=False):
    """One failed run. ``kind`` is the exception's qualified name; texts are capped before they are stored.

    ``worker`` ran it, beginning at ``began``; not known of failures that an earlier release stored.
    """

    kind: str
    message: str
    traceback: str
    attempt: int
    at: float
    worker: str | None = None
    began: float | None = None


class Progress(msgspec.Struct, frozen=True, gc=False, tag=True):
    """How far a running job is, by its own word."""

    done: float
    total: float | None
    note: str
    at: float


class Change(msgspec.Struct, frozen=True, gc=False):
    """Values to set on a job, valid only while it is still (id, state, attempt)."""

    id: str
    state: State
    attempt: int
    values: Mapping[str, Any]


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a worker can take: at most ``limit`` due jobs of ``queues`` (None: all), leased for ``lease`` seconds."""

    worker: str
    limit: int
    lease: float
    queues: tuple[str, ...] | None = None


class Where(msgspec.Struct, frozen=True, gc=False):
    """What a listing selects; every given field must match.

    ``lease_before`` and ``due_before`` are times; ``worker`` selects jobs leased to it; ``blocked`` selects queued jobs
    that carry a reason (an unknown task, say). ``from_id`` leaves out lower ids: with ``after``, a window of ids, which is
    looked through in the time that its jobs take, whatever else is asked for. ``skip`` leaves out the newest so many.
    """

    states: tuple[State, ...] | None = None
    queue: str | None = None
    task: str | None = None
    worker: str | None = None
    unique: str | None = None
    lease_before: float | None = None
    due_before: float | None = None
    blocked: bool = False
    from_id: str | None = None
    skip: int = 0


def claimed(job: JobRecord, worker: str, now: float, lease: float) -> JobRecord:
    """What a claim must make of a due, queued job. Stores do this in one statement; this is what it must equal.

    A job that crashed before is leased as *not begun*: its worker says when it begins. So a lease that lapses under
    jobs which were only waiting beside a poisonous one does not count against them.
    """
    return msgspec.structs.replace(
        job,
        state="running",
        attempt=job.attempt + 1,
        worker=worker,
        lease_until=now + lease,
        started_at=None if job.crashes else now,
        reason=None,
    )


def taken(job: JobRecord, worker: str, now: float, lease: float) -> Change:
    """A claim of this one queued job, by name, for running it here and now."""
    values = {"state": "running", "attempt": job.attempt + 1, "worker": worker, "lease_until": now + lease}
    return Change(job.id, "queued", job.attempt, {**values, "started_at": now, "reason": None})


def begun(job: JobRecord, now: float) -> Change:
    """A job that crashed before begins now."""
    return Change(job.id, "running", job.attempt, {"started_at": now})


def progressed(job: JobRecord, progress: bytes) -> Change:
    return Change(job.id, "running", job.attempt, {"progress": progress})


def _end(job: JobRecord, now: float, state: State, **values: Any) -> Change:
    values.update(
        state=state,
        finished_at=now,
        lease_until=None,
        purge_at=None if job.keep is None else now + job.keep,
    )
    return Change(job.id, job.state, job.attempt, values)


def succeeded(job: JobRecord, result: bytes | None, now: float) -> Change:
    keep = job.keep
    return Change(
        job.id,
        "running",
        job.attempt,
        {
            "state": "succeeded",
            "result": result,
            "finished_at": now,
            "lease_until": None,
            "purge_at": None if keep is None else now + keep,
        },
    )


def failed(job: JobRecord, failure: Failure, now: float, retry_in: float | None) -> Change:
    """One more failure: again after ``retry_in`` seconds, or for good where that is None."""
    errors = with_failure(job.errors, failure)
    if retry_in is None:
        return _end(job, now, "failed", failures=job.failures + 1, errors=errors, reason=None)
    return Change(
        job.id,
        job.state,
        job.attempt,
        {
            "state": "queued",
            "run_at": now + retry_in,
            "lease_until": None,
            "failures": job.failures + 1,
            "errors": errors,
            "reason": None,
        },
    )


def _again(job: JobRecord, run_at: float, **values: Any) -> Change:
    values.update(state="queued", run_at=run_at, lease_until=None)
    return Change(job.id, job.state, job.attempt, values)


def snoozed(job: JobRecord, delay: float, now: float) -> Change:
    return _again(job, now + delay)


def released(job: JobRecord, now: float) -> Change:
    """Given back unfinished, at shutdown; it is due at once and keeps its place."""
    return _again(job, min(job.run_at, now))


def parked(job: JobRecord, reason: str, now: float) -> Change:
    """Given back because this worker cannot run it; later each time, so that it does not spin."""
    return _again(job, now + min(60.0, 2.0 ** min(job.attempt - 1, 6)), reason=reason)


def crashed(job: JobRecord, now: float, cause: str, max_crashes: int) -> Change:
    """The lease lapsed, or the process under the job died."""
    if job.cancel_requested:
        return cancelled(job, now, f"cancel was asked for, then {cause}")
    if job.started_at is None:
        return released(job, now)
    crashes = job.crashes + 1
    if crashes >= max_crashes:
        reason = f"crashed {crashes} times; last worker {job.worker}: {cause}"
        return Change(
            job.id,
            job.state,
            job.attempt,
            {"state": "held", "finished_at": now, "lease_until": None, "crashes": crashes, "reason": reason},
        )
    return _again(job, min(job.run_at, now), crashes=crashes, reason=f"{cause} (worker {job.worker})")


def held(job: JobRecord, reason: str, now: float) -> Change:
    """Put aside for a person: running it again by itself would not help."""
    values = {"state": "held", "finished_at": now, "lease_until": None, "reason": reason}
    return Change(job.id, job.state, job.attempt, values)


def cancelled(job: JobRecord, now: float, reason: str | None) -> Change:
    """``reason`` None: the one given when cancellation was asked for stands."""
    if reason is None:
        return _end(job, now, "cancelled")
    return _end(job, now, "cancelled", reason=reason)


def expired(job: JobRecord, now: float) -> bool:
    """Whether the job missed its expiry before it ever began."""
    return job.expires_at is not None and job.expires_at <= now and not job.failures and not job.crashes


def expire(job: JobRecord, now: float) -> Change | None:
    """Cancelled, where it is queued past its expiry; None: it is not."""
    if job.state != "queued" or not expired(job, now):
        return None
    return cancelled(job, now, EXPIRED)


def cancel(job: JobRecord, now: float, reason: str) -> Change | None:
    """Ask for cancellation: at once where nothing runs, through the worker where it does, None where it is too late."""
    if job.state == "running":
        return Change(job.id, "running", job.attempt, {"cancel_requested": True, "reason": reason})
    if job.state in ("queued", "waiting", "held"):
        return cancelled(job, now, reason)
    return None


def retried(job: JobRecord, now: float) -> Change | None:
    """Retried by hand: a fresh start for any finished or held job; None for one that is not."""
    if job.state in HOLDING:
        return None
    return _again(
        job,
        now,
        failures=0,
        crashes=0,
        finished_at=None,
        purge_at=None,
        cancel_requested=False,
        reason=None,
        result=None,
        expires_at=None,
    )


def hastened(job: JobRecord, now: float) -> Change | None:
    """Due now; None where it is not queued, or due already."""
    if job.state != "queued" or job.run_at <= now:
        return None
    return Change(job.id, "queued", job.attempt, {"run_at": now})


def replaced(holder: JobRecord, job: JobRecord) -> Change | None:
    """What unique mode ``replace`` does to a holder that has not begun: it takes over the new job's request."""
    if holder.state not in ("queued", "waiting"):
        return None
    return Change(
        holder.id,
        holder.state,
        holder.attempt,
        {
            "args": job.args,
            "run_at": job.run_at,
            "priority": job.priority,
            "queue": job.queue,
            "expires_at": job.expires_at,
            "keep": job.keep,
            "headers": job.headers,
        },
    )


def with_failure(errors: bytes | None, failure: Failure) -> bytes:
    return msgspec.json.encode([*failures(errors)[-(ERRORS_KEPT - 1) :], failure])


def failures(errors: bytes | None) -> Sequence[Failure]:
    """The failures of a record's ``errors``, oldest first."""
    return msgspec.json.decode(errors, type=list[Failure]) if errors else []
