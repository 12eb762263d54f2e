"""A stored job, for people and for programs."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import msgspec

from longshore.cli.times import iso
from longshore.model import FIELDS, JobRecord
from longshore.shown import payload, plain

_TIMES: Final = frozenset(
    ("run_at", "created_at", "expires_at", "lease_until", "started_at", "finished_at", "purge_at")
)


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
