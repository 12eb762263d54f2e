"""What makes the tables, and what makes older ones into those of today: numbered files, each applied once."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_OLDEST: Final = re.compile(r"^-- oldest: (\d+)$", re.MULTILINE)


class Migration(NamedTuple):
    """One step forward."""

    number: int
    name: str
    #: ``{schema}`` stands for the schema's name
    text: str
    #: the oldest version whose releases go on working with the tables after this step. A step that only adds says an
    #: earlier one, by a line ``-- oldest: N``; without it nothing older works (0: the step's own number)
    oldest: int = 0


@cache
def known() -> tuple[Migration, ...]:
    """All of them, in order."""
    found = []
    for entry in files("longshore.stores").joinpath("sql", "postgres", "migrations").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            text = entry.read_text(encoding="utf-8")
            oldest = _OLDEST.search(text)
            found.append(Migration(int(match[1]), match[2], text, int(oldest[1]) if oldest else 0))
    return tuple(sorted(found))


def indexes() -> frozenset[str]:
    """The names of the indexes of ``jobs`` that all migrations together make, its primary key's left out."""
    text = "\n".join(one.text for one in known())
    made = re.findall(r"^CREATE (?:UNIQUE )?INDEX (\w+) ON \{schema\}\.jobs ", text, re.MULTILINE)
    return frozenset(made) - frozenset(re.findall(r"^DROP INDEX \{schema\}\.(\w+)", text, re.MULTILINE))
