"""Between rows of the table and records of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from longshore.model import FIELDS, JobRecord
from longshore.stores.postgres.arrays import WRITERS
from longshore.stores.postgres.text import MARK, read, stored

Row = Sequence[Any]

_FLOATS: Final = "run_at created_at expires_at keep lease_until started_at finished_at purge_at".split()  # noqa: SIM905
_BYTES: Final = "args errors result progress headers".split()  # noqa: SIM905
_INTEGERS: Final = ("priority", "attempt", "failures", "crashes")
#: The type of each column.
TYPES: Final[dict[str, str]] = (
    dict.fromkeys(FIELDS, "text")
    | dict.fromkeys(_FLOATS, "float8")
    | dict.fromkeys(_BYTES, "bytea")
    | dict.fromkeys(_INTEGERS, "int4")
    | {"cancel_requested": "bool"}
)
_TASK, _QUEUE, _UNIQUE, _WORKER, _REASON = map(FIELDS.index, ("task", "queue", "unique", "worker", "reason"))
#: The columns are its fields in order, which a type checker cannot see.
_record: Final = cast("Callable[..., JobRecord]", JobRecord)


def records(rows: Iterable[Row]) -> list[JobRecord]:
    """The records in rows of `statements.COLUMNS`."""
    return [_record(*(_unmarked(row) if _marked(row) else row)) for row in rows]


def _marked(row: Row) -> bool:
    """Whether any text of it was not stored as it is."""
    return MARK in f"{row[0]}{row[_TASK]}{row[_QUEUE]}{row[_UNIQUE]}{row[_WORKER]}{row[_REASON]}"


def _unmarked(row: Row) -> Row:
    return [read(value) if isinstance(value, str) else value for value in row]


def columns(found: Mapping[str, Sequence[Any]]) -> tuple[frozenset[str], dict[str, Any]]:
    """Values for a statement about many jobs, and which fields come once because all jobs have the same value.

    The others are array literals. Ids differ, and say how many jobs there are.
    """
    alike = frozenset(
        [name for name, values in found.items() if name != "id" and values.count(values[0]) == len(values)]
    )
    return alike, {name: _value(name, values, name in alike) for name, values in found.items()}


def _value(name: str, values: Sequence[Any], alike: bool) -> Any:
    if not alike:
        return WRITERS[TYPES[name]](values)
    value = values[0]
    return stored(value) if isinstance(value, str) else value
