"""Jobs and changes as the scripts take them.

Most are for the quick ones, ``add.lua`` and ``exchange.lua``; ``add_any.lua`` and ``exchange_any.lua`` take the others.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final

from longshore.errors import StoreError
from longshore.model import FINAL, Change, JobRecord
from longshore.stores.redis.packing import ID_SIZE, LAYOUT, NIL, STATES, coded, encode, short, stamp, text

_CODES: Final = {name: n for n, name in enumerate(LAYOUT, 1)}


def plain(jobs: Sequence[JobRecord]) -> bool:
    """Whether these are new jobs as most are: what ``add.lua`` takes."""
    ids = {job.id for job in jobs}
    return len(ids) == len(jobs) and all(
        job.state == "queued" and job.unique is None and job.reason is None for job in jobs
    )


def lined_up(jobs: Sequence[JobRecord], packed: Sequence[bytes]) -> list[Any]:
    """The arguments of ``add.lua``: jobs by their lines."""
    lines: dict[tuple[int, str], list[bytes]] = {}
    for job, one in zip(jobs, packed, strict=True):
        try:
            lines[job.priority, job.queue].append(one)
        except KeyError:
            lines[job.priority, job.queue] = [one]
    words: list[Any] = [len(lines)]
    for (priority, queue), found in lines.items():
        words += (f"{priority}:{queue}", queue, len(found))
        words += found
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
        head = (key, attempt, STATES[after], finished, stamp(values["purge_at"]))
        packed.append(_settle.pack(*head) + (NIL if result is None else encode(result)))
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
                numbers.append(coded(name, values[name]))
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
        packed.append(_shape(names).pack(number, short(change.id) or b"\xff" * ID_SIZE, change))
    return [len(shapes), *[_shape(names).code for names in shapes], *packed]
