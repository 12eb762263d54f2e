"""The SQL of a store, by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from longshore.model import FIELDS

#: JobRecord's fields in order, quoted: ``unique`` is a word of SQL.
COLUMNS = ", ".join(f'"{name}"' for name in FIELDS)

#: What a claim gives back: all that a job at its first attempt has, and whether it has more.
CLAIMED = (
    'id, task, queue, args, run_at, created_at, priority, attempt, expires_at, keep, "unique", unique_mode, headers, '
    "failures OR crashes OR cancel_requested OR finished_at IS NOT NULL OR purge_at IS NOT NULL "
    "OR errors IS NOT NULL OR result IS NOT NULL OR progress IS NOT NULL"
)

_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


@cache
def statements(dialect: str) -> MappingProxyType[str, str]:
    """Name → statement, read from the package once a process."""
    found: dict[str, str] = {}
    for entry in files("longshore.stores").joinpath("sql", dialect).iterdir():
        name, _, kind = entry.name.rpartition(".")
        if kind == "sql":
            text = _COMMENT.sub("", entry.read_text(encoding="utf-8"))
            found[name] = text.replace("{columns}", COLUMNS).replace("{claimed}", CLAIMED).strip()
    return MappingProxyType(found)
