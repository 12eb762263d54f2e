"""A job and a schedule as the pages show them: plain texts, which the templates escape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from django.utils import timezone

from longshore.duration import ago, span
from longshore.model import Failure, JobRecord, Progress, failures
from longshore.shown import brief_args, one_line, payload, plain, view_of, why

#: Longer values are cut.
LONG: Final = 20_000


class Time(NamedTuple):
    """A time, in the zone of the page: in full, as a machine reads it, and how far away it is."""

    text: str
    iso: str
    ago: str


class Row(NamedTuple):
    """One line of the list."""

    job: JobRecord
    view: str
    about: str
    created: Time | None


class Fact(NamedTuple):
    """A name, a value, and where the value leads to."""

    name: str
    value: Any
    link: str = ""


def row(job: JobRecord, now: float) -> Row:
    """What the list shows."""
    about = one_line(why(job)) or brief_args(job.args)
    return Row(job, view_of(job, now), cut(about, 80), when(job.created_at, now))


def when(at: float | None, now: float) -> Time | None:
    """A stored time; None: there is none."""
    if at is None:
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC).astimezone(timezone.get_current_timezone())
    except (OverflowError, ValueError, OSError):
        return Time(f"{at:.0f} s", "", "")
    return Time(f"{moment:%Y-%m-%d %H:%M:%S}", moment.isoformat(), ago(at, now))


def cut(text: str, limit: int = LONG) -> str:
    """No longer than so many characters, and how many are left out."""
    if len(text) <= limit:
        return text
    return (
        f"{text[: limit - 1]}…"
        if limit < 1000
        else f"{text[:limit]}\n… {len(text) - limit:,} characters more"
    )


def pretty(value: Any) -> str:
    """A value as JSON, indented."""
    return cut(json.dumps(value, ensure_ascii=False, indent=2))


def arguments(stored: bytes) -> str:
    """Encoded arguments, for people."""
    return pretty(payload(stored))


def result(decoded: Any) -> str:
    """What a job returned."""
    return pretty(plain(decoded))


def said(job: JobRecord) -> Progress | None:
    """Its progress."""
    try:
        return msgspec.json.decode(job.progress, type=Progress) if job.progress else None
    except msgspec.MsgspecError:
        return None


def failed(job: JobRecord, now: float) -> list[dict[str, Any]]:
    """Its failed runs, the last one first."""
    try:
        known = list(failures(job.errors))
    except msgspec.MsgspecError:
        return []
    return [_failure(one, now) for one in reversed(known)]


def _failure(failure: Failure, now: float) -> dict[str, Any]:
    took = "" if failure.began is None else span(failure.at - failure.began)
    return {
        "attempt": failure.attempt,
        "kind": failure.kind,
        "message": cut(failure.message, 500),
        "traceback": cut(failure.traceback),
        "at": when(failure.at, now),
        "worker": failure.worker or "",
        "took": took,
    }


def facts(job: JobRecord, now: float, links: Mapping[str, str]) -> list[Fact]:
    """What there is to say in one line each; ``links``: a name's address."""
    took = None
    if job.started_at is not None and job.finished_at is not None and job.finished_at >= job.started_at:
        took = span(job.finished_at - job.started_at)
    found = [
        Fact("Task", job.task, links.get("task", "")),
        Fact("Queue", job.queue, links.get("queue", "")),
        Fact("Schedule", links.get("schedule key"), links.get("schedule", "")),
        Fact("Priority", job.priority or None),
        Fact("Attempts", f"{job.attempt}, of which {job.failures} failed and {job.crashes} crashed"),
        Fact("Worker", job.worker),
        Fact("Created", when(job.created_at, now)),
        Fact("Due", when(job.run_at, now) if job.state in ("queued", "waiting") else None),
        Fact("Started", when(job.started_at, now)),
        Fact("Finished", when(job.finished_at, now)),
        Fact("Took", took),
        Fact("Lease until", when(job.lease_until, now)),
        Fact("Expires", when(job.expires_at, now)),
        Fact("Removed", when(job.purge_at, now)),
        Fact("Unique key", job.unique and cut(job.unique, 500)),
    ]
    return [fact for fact in found if fact.value is not None]
