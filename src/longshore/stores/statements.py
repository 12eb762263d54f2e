"""The SQL of a store, by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from longshore.model import FIELDS

#: JobRecord's fields in order, quoted: ``unique`` is a word of SQL.
COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)

_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


@cache
def statements(dialect: str) -> MappingProxyType[str, str]:
    """Name → statement, read from the package once a process."""
    found: dict[str, str] = {}
    for entry in files("longshore.stores").joinpath("sql", dialect).iterdir():
        name, _, kind = entry.name.rpartition(".")
        if kind == "sql":
            text = _COMMENT.sub("", entry.read_text(encoding="utf-8"))
            found[name] = text.replace("{columns}", COLUMNS).strip()
    return MappingProxyType(found)
