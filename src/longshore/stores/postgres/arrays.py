"""Columns of values as PostgreSQL's array literals: one parameter instead of one a row.

Made here and not by the driver, which looks for each element's type anew: that took longer than the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from longshore.stores.postgres.text import MARK

Column = Callable[[Iterable[Any]], str]


def texts(values: Iterable[str | None]) -> str:
    """A literal of ``text[]``, written as `text.stored` says."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    if "\0" in value or MARK in value:
        value = value.replace(MARK, MARK + "1").replace("\0", MARK + "0")
    return f'"{value}"'


def numbers(values: Iterable[float | None]) -> str:
    """A literal of ``float8[]`` or ``int4[]``; a float's repr gives exactly that float again."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def flags(values: Iterable[bool | None]) -> str:
    """A literal of ``bool[]``."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def blobs(values: Iterable[bytes | None]) -> str:
    """A literal of ``bytea[]``."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


#: How a column of each type is written.
WRITERS: Final[dict[str, Column]] = {
    "text": texts,
    "float8": numbers,
    "int4": numbers,
    "bool": flags,
    "bytea": blobs,
}
