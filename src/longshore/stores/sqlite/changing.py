"""Changes to stored jobs, each guarded by (id, state, attempt)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from longshore.errors import StoreError
from longshore.model import FIELDS, HOLDING, Change
from longshore.stores.sqlite import chunks

_CHANGEABLE: Final = frozenset(FIELDS) - {"id"}
#: What a change looks like: the state it asks for, the one it makes, the fields it sets.
Shape = tuple[str, ...]


def checked(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields; StoreError where one is none of JobRecord's. Nothing else gets into a statement's text."""
    unknown = [name for name in fields if name not in _CHANGEABLE]
    if unknown:
        raise StoreError(
            f"a change may set the fields of JobRecord except id, not {', '.join(map(repr, unknown))}"
        )
    return fields


@cache
def update(fields: tuple[str, ...]) -> str:
    """The statement for one change that sets these fields."""
    setting = ", ".join(f'"{name}" = ?' for name in checked(fields)) or "id = id"
    return f"UPDATE longshore_jobs SET {setting} WHERE id = ? AND state = ? AND attempt = ?"  # noqa: S608


@cache
def update_many(fields: tuple[str, ...], rows: int) -> str:
    """The statement for so many changes from one state to one state: both states, then id, attempt and fields of each."""
    setting = "".join(f', "{name}" = change.column{n}' for n, name in enumerate(checked(fields), 3))
    row = f"({', '.join('?' * (2 + len(fields)))})"
    return (
        f"UPDATE longshore_jobs INDEXED BY longshore_ids SET state = ?{setting} "  # noqa: S608
        f"FROM (SELECT ? AS before), (VALUES {', '.join([row] * rows)}) AS change "
        "WHERE id = change.column1 AND state = before AND attempt = change.column2"
    )


def apply(connection: sqlite3.Connection, changes: Sequence[Change]) -> frozenset[str]:
    """Make the changes inside a transaction, in order; the ids of those that were made."""
    if len(changes) > 1:
        ids = frozenset([change.id for change in changes])
        if len(ids) == len(changes) and _together(connection, changes):
            return ids
    return frozenset([change.id for change in changes if _alone(connection, change)])


def _alone(connection: sqlite3.Connection, change: Change) -> bool:
    values = change.values
    try:
        cursor = connection.execute(
            update(tuple(values)), (*values.values(), change.id, change.state, change.attempt)
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        return False
    return cursor.rowcount == 1


def _together(connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
    """Make changes to different jobs, those of one shape at a time. False, and nothing made, where one was refused."""
    shapes: dict[Shape, list[list[Any]]] = {}
    for change in changes:
        values = change.values
        shape = (change.state, values.get("state", change.state), *values)
        row = [change.id, change.attempt, *values.values()]
        found = shapes.get(shape)
        if found is None:
            if _takes_key(shape):
                return False
            found = shapes[shape] = []
        found.append(row)
    connection.execute("SAVEPOINT longshore_together")
    made = all(_make(connection, shape, rows) for shape, rows in shapes.items())
    if not made:
        connection.execute("ROLLBACK TO longshore_together")
    connection.execute("RELEASE longshore_together")
    return made


def _make(connection: sqlite3.Connection, shape: Shape, rows: Sequence[list[Any]]) -> bool:
    before, after, *fields = shape
    if "state" in fields:
        place = fields.index("state")
        del fields[place]
        for row in rows:
            del row[place + 2]
    names = tuple(fields)
    touched = chunks.execute(connection, lambda size: update_many(names, size), rows, (after, before))
    return touched == len(rows)


def _takes_key(shape: Shape) -> bool:
    """Whether such a change may take a unique key: then what comes before and after it in the batch matters."""
    return (shape[1] in HOLDING and shape[0] not in HOLDING) or "unique" in shape[2:]
