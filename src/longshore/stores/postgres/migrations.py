"""What makes the tables, and what makes older ones into those of today: numbered files, each applied once."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")


class Migration(NamedTuple):
    """One step forward."""

    number: int
    name: str
    #: ``{schema}`` stands for the schema's name
    text: str


@cache
def known() -> tuple[Migration, ...]:
    """All of them, in order."""
    found = []
    for entry in files("longshore.stores").joinpath("sql", "postgres", "migrations").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return tuple(sorted(found))
