"""A stored job, for people and for programs."""

from __future__ import annotations

import base64
import json
from typing import Any, Final, Literal

import msgspec

from longshore.cli.output import one_line
from longshore.cli.times import iso
from longshore.codec import Undecodable, describe
from longshore.model import FIELDS, JobRecord

View = Literal["scheduled", "retrying", "ready", "blocked"]

_TIMES: Final = frozenset(
    ("run_at", "created_at", "expires_at", "lease_until", "started_at", "finished_at", "purge_at")
)
#: An argument whose name has one of these in it is not shown in a worker's lines and in tables.
_SECRET: Final = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "credential")


def as_json(job: JobRecord) -> dict[str, Any]:
    """Every field of the record under its name; payloads decoded, times in ISO 8601."""
    shown: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(job, name)
        if name in _TIMES:
            value = iso(value)
        elif name in ("args", "result") and value is not None:
            value = payload(value)
        elif name in ("errors", "progress") and value is not None:
            value = _said(value)
        elif name == "headers" and value is not None:
            value = _headers(value)
        shown[name] = value
    shown["errors"] = shown["errors"] or []
    return shown


def payload(stored: bytes) -> Any:
    """What a stored payload holds, in JSON's types; base64 text where it cannot be read."""
    try:
        return plain(describe(stored))
    except Undecodable:
        return _base64(stored)


def plain(value: Any) -> Any:
    """Any value in JSON's types."""
    try:
        return msgspec.to_builtins(value, str_keys=True, enc_hook=str)
    except Exception:
        return repr(value)


def _base64(stored: bytes) -> str:
    return base64.b64encode(stored).decode()


def _said(stored: bytes) -> Any:
    try:
        value = json.loads(stored)
    except ValueError:
        return _base64(stored)
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict) and isinstance(entry.get("at"), (int, float)):
            entry["at"] = iso(entry["at"])
    return value


def _headers(stored: bytes) -> Any:
    try:
        return plain(msgspec.msgpack.decode(stored))
    except msgspec.DecodeError:
        return _base64(stored)


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


def view_of(job: JobRecord, now: float) -> str:
    """The state as people see it: queued is *scheduled*, *retrying*, *blocked* or *ready*."""
    if job.state != "queued":
        return "cancelling" if job.state == "running" and job.cancel_requested else job.state
    if is_blocked(job):
        return "blocked"
    if job.failures:
        return "retrying"
    return "scheduled" if job.run_at > now else "ready"


def is_blocked(job: JobRecord) -> bool:
    """Whether the job waits for a worker that knows its task."""
    return job.state == "queued" and (job.reason or "").startswith("unknown task")


def why(job: JobRecord) -> str:
    """The one thing worth knowing about its state."""
    if job.reason:
        return job.reason
    if job.errors and (job.state == "failed" or job.failures):
        errors = _said(job.errors)
        if isinstance(errors, list) and errors and isinstance(errors[-1], dict):
            return f"{errors[-1].get('kind')}: {errors[-1].get('message')}"
    return ""
