"""A stored job, for people: command line and web pages say the same."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from longshore.codec import Undecodable, describe
from longshore.model import JobRecord, failures

#: An argument whose name has one of these in it is not shown in a worker's lines and in tables.
_SECRET: Final = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "credential")

# -- payloads --------------------------------------------------------------------------------------------------------


def payload(stored: bytes) -> Any:
    """What a stored payload holds, in JSON's types; base64 text where it cannot be read."""
    try:
        return plain(describe(stored))
    except Undecodable:
        return base64.b64encode(stored).decode()


def plain(value: Any) -> Any:
    """Any value in JSON's types."""
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
    except Exception:
        return repr(value)


def brief_args(stored: bytes, limit: int = 60) -> str:
    """Arguments in one short line: ``user_id=42 template='welcome'``; secrets masked."""
    try:
        given = describe(stored)
    except Undecodable:
        return f"({len(stored)} bytes)"
    if not isinstance(given, dict):
        return _cut(repr(given), limit)
    return _cut(" ".join(f"{name}={_masked(str(name), value)}" for name, value in given.items()), limit)


def _masked(name: str, value: Any) -> str:
    return "***" if any(word in name.lower() for word in _SECRET) else _cut(repr(value), 40)


def _cut(text: str, limit: int) -> str:
    text = one_line(text) if text else ""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def headers(stored: bytes | None) -> dict[str, Any]:
    """What was passed along with the job, in JSON's types; empty where it cannot be read."""
    try:
        found = plain(msgspec.msgpack.decode(stored)) if stored else {}
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def one_line(value: object) -> str:
    """A value in one line without control characters."""
    text = str(value)
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


# -- states ----------------------------------------------------------------------------------------------------------


def view_of(job: JobRecord, now: float) -> str:
    """The state as people see it: queued is *scheduled*, *retrying*, *blocked* or *ready*."""
    if job.state != "queued":
        return "cancelling" if job.state == "running" and job.cancel_requested else job.state
    if is_blocked(job):
        return "blocked"
    if job.failures:
        return "retrying"
    return "scheduled" if job.run_at > now else "ready"


def is_seen_as(job: JobRecord, view: str, now: float) -> bool:
    """Whether a queued job belongs to this view of those that can be asked for: a retrying one may be ready as well."""
    match view:
        case "ready":
            return job.run_at <= now and not is_blocked(job)
        case "scheduled":
            return job.run_at > now and not is_blocked(job)
        case "retrying":
            return job.failures > 0
        case _:
            return is_blocked(job)


def is_blocked(job: JobRecord) -> bool:
    """Whether the job waits for a worker that knows its task."""
    return job.state == "queued" and (job.reason or "").startswith("unknown task")


def why(job: JobRecord) -> str:
    """The one thing worth knowing about its state."""
    if job.reason:
        return job.reason
    if job.errors and (job.state == "failed" or job.failures):
        try:
            last = failures(job.errors)[-1]
        except (msgspec.MsgspecError, IndexError):
            return ""
        return f"{last.kind}: {last.message}"
    return ""
