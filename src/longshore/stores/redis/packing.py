"""Between records of the model and what the scripts keep: the layout is that of ``lua/head.lua``.

A job is one field of one hash: numbers of fixed width, the lengths of its texts, then the texts. So a script reads, changes
and writes a job with two calls of `struct`, and a text it does not touch it does not look at. The texts after the
unique key are MessagePack, which makes them one array to Python; a script only cuts them out or puts others in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, cast

import msgspec

from longshore.errors import StoreError
from longshore.model import FINAL, Change, JobRecord

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
_CODES: Final = {name: n for n, name in enumerate(LAYOUT, 1)}
_HEAD: Final = struct.Struct("<" + "".join(LAYOUT.values()).replace("t", "I"))
_SIZE: Final = _HEAD.size
_ID: Final = 16

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
_NIL: Final = b"\xc0"
#: a unique key is marked, for no key is an empty text, and an empty text may be a key
_KEYED: Final = b"="

_encode: Final = msgspec.msgpack.Encoder().encode
_Texts = tuple[str, bytes, bytes | None, bytes | None, bytes | None, str | None, str | None, bytes | None]
_texts: Final = msgspec.msgpack.Decoder(_Texts).decode
_record: Final = cast("Callable[..., JobRecord]", JobRecord)


def short(job_id: str) -> bytes | None:
    """An id as it is stored; None for a text that is the id of no job."""
    try:
        raw = bytes.fromhex(job_id)
    except ValueError:
        return None
    return raw if len(raw) == _ID and raw.hex() == job_id else None


def _time(value: float | None) -> float:
    return _NAN if value is None else value


def text(name: str, value: Any) -> bytes:
    """A text field as it is stored, and as it can be compared with what is stored."""
    if name == "queue":
        return cast("str", value).encode()
    if name == "unique":
        return b"" if value is None else _KEYED + cast("str", value).encode()
    return _ARRAY + _encode(value) if name == "task" else _encode(value)


def _number(name: str, value: Any) -> Any:
    if name == "state":
        return STATES[value]
    if name == "unique_mode":
        return _MODES.index(value)
    return _time(value) if LAYOUT[name] == "d" else value


def pack(job: JobRecord) -> bytes:
    """A job for the scripts: id, then the value to store."""
    key = short(job.id)
    if key is None:
        raise StoreError(f"{job.id!r} is no job's id: those are 32 hexadecimal digits, in lower case")
    queue, unique = job.queue.encode(), text("unique", job.unique)
    task, args = _ARRAY + _encode(job.task), _encode(job.args)
    headers = _NIL if job.headers is None else _encode(job.headers)
    errors = _NIL if job.errors is None else _encode(job.errors)
    progress = _NIL if job.progress is None else _encode(job.progress)
    reason = _NIL if job.reason is None else _encode(job.reason)
    worker = _NIL if job.worker is None else _encode(job.worker)
    result = _NIL if job.result is None else _encode(job.result)
    try:
        head = _HEAD.pack(
            STATES[job.state],
            job.cancel_requested,
            _MODES.index(job.unique_mode),
            job.priority,
            job.attempt,
            job.failures,
            job.crashes,
            job.run_at,
            job.created_at,
            _time(job.expires_at),
            _time(job.keep),
            _time(job.lease_until),
            _time(job.started_at),
            _time(job.finished_at),
            _time(job.purge_at),
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
    ) = _HEAD.unpack_from(packed, _ID)
    at = _ID + _SIZE
    rest = at + queue + unique
    task, args, headers, errors, progress, reason, worker, result = _texts(packed[rest:])
    # By position, in the order of JobRecord's fields. A time that is not equal to itself is none.
    return _record(
        packed[:_ID].hex(),
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


def plain(jobs: Sequence[JobRecord]) -> bool:
    """Whether these are new jobs as most are: what ``add.lua`` takes."""
    ids = {job.id for job in jobs}
    return len(ids) == len(jobs) and all(
        job.state == "queued" and job.unique is None and job.reason is None for job in jobs
    )


def lined_up(jobs: Sequence[JobRecord], packed: Sequence[bytes]) -> list[Any]:
    """The arguments of ``add.lua``: jobs by their lines."""
    lines: dict[tuple[int, str], list[bytes | str]] = {}
    for job, one in zip(jobs, packed, strict=True):
        lines.setdefault((job.priority, job.queue), []).extend((one[:_ID], one[_ID:], repr(job.run_at)))
    words: list[Any] = [len(lines)]
    for (priority, queue), found in lines.items():
        words += (f"{priority}:{queue}", queue, len(found) // 3, *found)
    return words


#: what ``settle.lua`` sets, as `model.succeeded` does
_SETTLED: Final = frozenset(("state", "result", "finished_at", "lease_until", "purge_at"))
_settle: Final = struct.Struct("<16sIBdd")


def pack_settled(changes: Sequence[Change]) -> list[bytes] | None:
    """The last arguments of ``exchange.lua``, where all changes are of the kind it takes."""
    packed: list[bytes] = []
    seen: set[bytes] = set()
    for job_id, state, attempt, values in map(_parts, changes):
        key = short(job_id)
        if state != "running" or key is None or key in seen or values.keys() != _SETTLED:
            return None
        after, finished = values["state"], values["finished_at"]
        if after not in FINAL or values["lease_until"] is not None or finished is None:
            return None
        seen.add(key)
        result = values["result"]
        packed.append(
            _settle.pack(key, attempt, STATES[after], finished, _time(values["purge_at"]))
            + (_NIL if result is None else _encode(result))
        )
    return packed


_parts: Final = attrgetter("id", "state", "attempt", "values")


class Shape:
    """Changes that set the same fields."""

    def __init__(self, names: Sequence[str]) -> None:
        self.code = bytes(_CODES[name] for name in names)
        self._fields = [(name, LAYOUT[name] == "t") for name in names]
        self._fixed = struct.Struct("<B16sBI" + "".join(LAYOUT[name] for name in names).replace("t", "I"))

    def pack(self, number: int, key: bytes, change: Change) -> bytes:
        """A change as ``change.lua`` takes it, where this is the ``number``-th shape of the call."""
        numbers: list[Any] = []
        texts: list[bytes] = []
        values = change.values
        for name, is_text in self._fields:
            if is_text:
                value = text(name, values[name])
                texts.append(value)
                numbers.append(len(value))
            else:
                numbers.append(_number(name, values[name]))
        try:
            fixed = self._fixed.pack(number, key, STATES[change.state], change.attempt, *numbers)
        except struct.error as error:
            raise StoreError(
                f"a change of job {change.id} has a number that cannot be stored: {error}"
            ) from None
        return b"".join((fixed, *texts))


@cache
def _shape(names: tuple[str, ...]) -> Shape:
    unknown = [name for name in names if name not in _CODES]
    if unknown:
        listed = ", ".join(map(repr, unknown))
        raise StoreError(f"a change may set the fields of JobRecord except id, not {listed}")
    return Shape(names)


def pack_changes(changes: Sequence[Change]) -> list[bytes | int]:
    """The last arguments of ``exchange_any.lua``: the number of shapes, the shapes, the changes."""
    shapes: dict[tuple[str, ...], int] = {}
    packed: list[bytes] = []
    for change in changes:
        names = tuple(change.values)
        number = shapes.get(names)
        if number is None:
            number = shapes[names] = len(shapes) + 1
        # What is no job's id gets one that no job has: all changes keep their places.
        packed.append(_shape(names).pack(number, short(change.id) or b"\xff" * _ID, change))
    return [len(shapes), *[_shape(names).code for names in shapes], *packed]
