"""Changes to stored jobs, each guarded by (id, state, attempt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

import psycopg

from longshore.errors import StoreError
from longshore.model import FIELDS, HOLDING, Change
from longshore.stores.postgres.arrays import numbers, texts
from longshore.stores.postgres.pool import Call, execute
from longshore.stores.postgres.rows import TYPES, columns
from longshore.stores.postgres.text import read

_CHANGEABLE: Final = frozenset(FIELDS) - {"id"}
_id: Final = attrgetter("id")


class Shape(NamedTuple):
    """What changes that one statement can make have in common."""

    before: str
    after: str
    fields: tuple[str, ...]

    @property
    def takes_key(self) -> bool:
        """Whether such a change may take a unique key: then what comes before and after it in the batch matters."""
        return (self.after in HOLDING and self.before not in HOLDING) or "unique" in self.fields


def check(changes: Sequence[Change]) -> None:
    """StoreError where one would set what is no field of JobRecord's. Nothing else gets into a statement's text."""
    for change in changes:
        if not _CHANGEABLE.issuperset(change.values):
            unknown = ", ".join(repr(name) for name in change.values if name not in _CHANGEABLE)
            raise StoreError(f"a change may set the fields of JobRecord except id, not {unknown}")


def shaped(changes: Sequence[Change]) -> dict[Shape, list[Change]] | None:
    """The changes by shape, if they can be made in any order; None: they have to be made one after the other."""
    shapes: dict[Shape, list[Change]] = {}
    for change in changes:
        shape = Shape(change.state, change.values.get("state", change.state), tuple(change.values))
        shapes.setdefault(shape, []).append(change)
    if len({change.id for change in changes}) < len(changes):
        return None
    if len(shapes) > 1 and any(shape.takes_key for shape in shapes):
        return None
    return shapes


@cache
def update(fields: tuple[str, ...], alike: frozenset[str]) -> str:
    """The statement for many changes of one shape; ``alike``: the fields all of them set to the same value."""
    own = [name for name in fields if name not in alike]
    values = {name: f"%({name})s::{TYPES[name]}" if name in alike else f'c."{name}"' for name in fields}
    setting = ["state = %(after)s", *[f'"{name}" = {value}' for name, value in values.items()]]
    arrays = [f"%({name})s::{TYPES[name]}[]" for name in own]
    names = "".join(f', "{name}"' for name in own)
    return (
        f"UPDATE {{jobs}} AS j SET {', '.join(setting)} "  # noqa: S608
        f"FROM unnest({', '.join(['%(ids)s::text[]', '%(attempts)s::int4[]', *arrays])}) "
        f"AS c (change_id, change_attempt{names}) "
        "WHERE j.id = c.change_id AND j.attempt = c.change_attempt AND j.state = %(before)s RETURNING j.id"
    )


def call(table: str, shape: Shape, changes: Sequence[Change]) -> Call:
    """The statement and its values. Rows are locked in the order of their ids: two batches never wait for each other."""
    ordered = sorted(changes, key=_id)
    given = [change.values for change in ordered]
    fields = tuple(name for name in shape.fields if name != "state")
    alike, values = columns({name: [each[name] for each in given] for name in fields})
    values |= {
        "before": shape.before,
        "after": shape.after,
        "ids": texts([change.id for change in ordered]),
        "attempts": numbers([change.attempt for change in ordered]),
    }
    return Call(update(fields, alike).replace("{jobs}", table), values)


def calls(table: str, shapes: Mapping[Shape, Sequence[Change]]) -> list[Call]:
    """A statement for each shape."""
    return [call(table, shape, changes) for shape, changes in shapes.items()]


def made(answers: Sequence[Sequence[tuple[Any, ...]]]) -> frozenset[str]:
    """The ids of the changes that statements say they made."""
    return frozenset([read(row[0]) for rows in answers for row in rows])


def one_by_one(connection: psycopg.Connection[Any], table: str, changes: Sequence[Change]) -> frozenset[str]:
    """Make the changes inside a transaction, in order; the ids of those that were made."""
    accepted: set[str] = set()
    for change in changes:
        shape = Shape(change.state, change.values.get("state", change.state), tuple(change.values))
        try:
            with connection.transaction():
                rows = execute(connection, call(table, shape, [change]))
        except psycopg.errors.UniqueViolation:
            continue
        if rows:
            accepted.add(change.id)
    return frozenset(accepted)
