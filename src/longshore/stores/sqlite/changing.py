"""Changes to stored jobs, each guarded by (id, state, attempt)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from longshore.errors import StoreError
from longshore.model import FIELDS, HOLDING, Change

_CHANGEABLE: Final = frozenset(FIELDS) - {"id"}
#: What a change looks like: the state it asks for, the one it makes, the fields it sets.
Shape = tuple[str, ...]


@cache
def update(fields: tuple[str, ...]) -> str:
    """The statement that sets these fields. Names come from code, and only JobRecord's own reach the text."""
    unknown = [name for name in fields if name not in _CHANGEABLE]
    if unknown:
        raise StoreError(
            f"a change may set the fields of JobRecord except id, not {', '.join(map(repr, unknown))}"
        )
    setting = ", ".join(f'"{name}" = ?' for name in fields) or "id = id"
    return f"UPDATE longshore_jobs SET {setting} WHERE id = ? AND state = ? AND attempt = ?"  # noqa: S608


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
    shapes: dict[Shape, list[tuple[Any, ...]]] = {}
    for change in changes:
        values = change.values
        shape = (change.state, values.get("state", change.state), *values)
        row = (*values.values(), change.id, change.state, change.attempt)
        found = shapes.get(shape)
        if found is None:
            if _takes_key(shape):
                return False
            shapes[shape] = [row]
        else:
            found.append(row)
    connection.execute("SAVEPOINT longshore_together")
    for shape, rows in shapes.items():
        if connection.executemany(update(shape[2:]), rows).rowcount != len(rows):
            connection.execute("ROLLBACK TO longshore_together")
            connection.execute("RELEASE longshore_together")
            return False
    connection.execute("RELEASE longshore_together")
    return True


def _takes_key(shape: Shape) -> bool:
    """Whether such a change may take a unique key: then what comes before and after it in the batch matters."""
    return (shape[1] in HOLDING and shape[0] not in HOLDING) or "unique" in shape[2:]
