"""What one execution came to, and which transition that means. Pure."""

from __future__ import annotations

import msgspec

from longshore import model
from longshore.model import Change, Failure, JobRecord


class Done(msgspec.Struct, frozen=True, tag=True):
    """It returned; the value is encoded already."""

    result: bytes | None


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It raised. ``retry_in`` seconds until the next run, None: never again."""

    failure: Failure
    retry_in: float | None


class Snoozed(msgspec.Struct, frozen=True, tag=True):
    """It asked to be run again after ``delay`` seconds."""

    delay: float


class Cancelled(msgspec.Struct, frozen=True, tag=True):
    """It was stopped because somebody asked (whose reason is stored already: None), discarded itself, or expired."""

    reason: str | None


class Released(msgspec.Struct, frozen=True, tag=True):
    """It was given back unfinished, because its worker stops."""


class Parked(msgspec.Struct, frozen=True, tag=True):
    """This worker cannot run it."""

    reason: str


class Crashed(msgspec.Struct, frozen=True, tag=True):
    """The process under it died."""

    cause: str


class Held(msgspec.Struct, frozen=True, tag=True):
    """Running it (again) by itself cannot help."""

    reason: str


class Begun(msgspec.Struct, frozen=True, tag=True):
    """Not an outcome yet: a process says that the job's function begins now."""


Outcome = Done | Failed | Snoozed | Cancelled | Released | Parked | Crashed | Held


def change(job: JobRecord, outcome: Outcome, now: float, max_crashes: int) -> Change:
    """The transition that settles ``job``, which its worker leases."""
    if isinstance(outcome, Done):  # nearly always; three times as fast as a match
        return model.succeeded(job, outcome.result, now)
    match outcome:
        case Failed(failure, retry_in):
            return model.failed(job, failure, now, retry_in)
        case Snoozed(delay):
            return model.snoozed(job, delay, now)
        case Cancelled(reason):
            return model.cancelled(job, now, reason)
        case Released():
            return model.released(job, now)
        case Parked(reason):
            return model.parked(job, reason, now)
        case Crashed(cause):
            return model.crashed(job, now, cause, max_crashes)
        case Held(reason):
            return model.held(job, reason, now)
