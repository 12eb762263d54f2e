"""Between records of the model and what the scripts keep: the layout is that of ``lua/head.lua``.

A job is one field of one hash: numbers of fixed width, the lengths of its texts, then the texts. So a script reads, changes
and writes a job with two calls of `struct`, and a text it does not touch it does not look at. The texts after the
unique key are MessagePack, which makes them one array to Python; a script only cuts them out or puts others in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from longshore.errors import StoreError
from longshore.model import JobRecord

#: field → its code for a width, in the order in which they are stored; "t" is a text
LAYOUT: Final[Mapping[str, str]] = {
    "state": "B",
    "cancel_requested": "B",
    "unique_mode": "B",
    "priority": "h",
    "attempt": "I",
    "failures": "I",
    "crashes": "I",
    "run_at": "d",
    "created_at": "d",
    "expires_at": "d",
    "keep": "d",
    "lease_until": "d",
    "started_at": "d",
    "finished_at": "d",
    "purge_at": "d",
    "queue": "t",
    "unique": "t",
    "task": "t",
    "args": "t",
    "headers": "t",
    "errors": "t",
    "progress": "t",
    "reason": "t",
    "worker": "t",
    "result": "t",
}
_HEAD: Final = struct.Struct("<" + "".join(LAYOUT.values()).replace("t", "I"))
_SIZE: Final = _HEAD.size
ID_SIZE: Final = 16

STATES: Final[Mapping[str, int]] = {
    "queued": ord("q"),
    "waiting": ord("w"),
    "running": ord("r"),
    "held": ord("h"),
    "succeeded": ord("s"),
    "failed": ord("f"),
    "cancelled": ord("c"),
}
_STATE_OF: Final = {code: state for state, code in STATES.items()}
_MODES: Final = (None, "existing", "reject", "replace")
_NAN: Final = float("nan")
#: what the texts from ``task`` on begin with, so that they are an array: it is the first byte of the task
_ARRAY: Final = b"\x98"
NIL: Final = b"\xc0"
#: a unique key is marked, for no key is an empty text, and an empty text may be a key
_KEYED: Final = b"="

encode: Final = msgspec.msgpack.Encoder().encode
_Texts = tuple[str, bytes, bytes | None, bytes | None, bytes | None, str | None, str | None, bytes | None]
_texts: Final = msgspec.msgpack.Decoder(_Texts).decode
_record: Final = cast("Callable[..., JobRecord]", JobRecord)


def short(job_id: str) -> bytes | None:
    """An id as it is stored; None for a text that is the id of no job."""
    try:
        raw = bytes.fromhex(job_id)
    except ValueError:
        return None
    return raw if len(raw) == ID_SIZE and raw.hex() == job_id else None


def stamp(value: float | None) -> float:
    """A time as it is stored: none is what equals nothing, not even itself."""
    return _NAN if value is None else value


def text(name: str, value: Any) -> bytes:
    """A text field as it is stored, and as it can be compared with what is stored."""
    if name == "queue":
        return cast("str", value).encode()
    if name == "unique":
        return b"" if value is None else _KEYED + cast("str", value).encode()
    return _ARRAY + encode(value) if name == "task" else encode(value)


def coded(name: str, value: Any) -> Any:
    """A field that is no text, as it is stored."""
    if name == "state":
        return STATES[value]
    if name == "unique_mode":
        return _MODES.index(value)
    if LAYOUT[name] != "d":
        return value
    return due(value) if name == "run_at" else stamp(value)


def due(value: float) -> float:
    """A due time, which must be one: it is where a job stands in its line."""
    if value != value:
        raise StoreError("a due time cannot be nan")
    return value


def pack(job: JobRecord) -> bytes:
    """A job for the scripts: id, then the value to store."""
    key = short(job.id)
    if key is None:
        raise StoreError(f"{job.id!r} is no job's id: those are 32 hexadecimal digits, in lower case")
    queue, unique = job.queue.encode(), text("unique", job.unique)
    task, args = _ARRAY + encode(job.task), encode(job.args)
    headers = NIL if job.headers is None else encode(job.headers)
    errors = NIL if job.errors is None else encode(job.errors)
    progress = NIL if job.progress is None else encode(job.progress)
    reason = NIL if job.reason is None else encode(job.reason)
    worker = NIL if job.worker is None else encode(job.worker)
    result = NIL if job.result is None else encode(job.result)
    try:
        head = _HEAD.pack(
            STATES[job.state],
            job.cancel_requested,
            _MODES.index(job.unique_mode),
            job.priority,
            job.attempt,
            job.failures,
            job.crashes,
            due(job.run_at),
            job.created_at,
            stamp(job.expires_at),
            stamp(job.keep),
            stamp(job.lease_until),
            stamp(job.started_at),
            stamp(job.finished_at),
            stamp(job.purge_at),
            len(queue),
            len(unique),
            len(task),
            len(args),
            len(headers),
            len(errors),
            len(progress),
            len(reason),
            len(worker),
            len(result),
        )
    except struct.error as error:
        raise StoreError(f"job {job.id} has a number that cannot be stored: {error}") from None
    return b"".join((key, head, queue, unique, task, args, headers, errors, progress, reason, worker, result))


def unpack(packed: bytes) -> JobRecord:
    """The job in an id and a value put together."""
    (
        state,
        cancel,
        mode,
        priority,
        attempt,
        failures,
        crashes,
        run_at,
        created_at,
        expires_at,
        keep,
        lease_until,
        started_at,
        finished_at,
        purge_at,
        queue,
        unique,
        *_,
    ) = _HEAD.unpack_from(packed, ID_SIZE)
    at = ID_SIZE + _SIZE
    rest = at + queue + unique
    task, args, headers, errors, progress, reason, worker, result = _texts(packed[rest:])
    # By position, in the order of JobRecord's fields. A time that is not equal to itself is none.
    return _record(
        packed[:ID_SIZE].hex(),
        task,
        packed[at : at + queue].decode(),
        args,
        run_at,
        created_at,
        priority,
        _STATE_OF[state],
        attempt,
        failures,
        crashes,
        expires_at if expires_at == expires_at else None,
        keep if keep == keep else None,
        packed[at + queue + 1 : rest].decode() if unique else None,
        _MODES[mode],
        worker,
        lease_until if lease_until == lease_until else None,
        started_at if started_at == started_at else None,
        finished_at if finished_at == finished_at else None,
        purge_at if purge_at == purge_at else None,
        cancel == 1,
        reason,
        errors,
        result,
        progress,
        headers,
    )
