"""Statements for asyncpg: values by number instead of by name."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from longshore.callers.base import Call

#: a value, with the array it is cast to if it is: ``%(ids)s::text[]``; or a percent sign, which is written twice
_PLACE: Final = re.compile(r"%\((\w+)\)s(::\w+\[\])?|%%")


def numbered(call: Call) -> tuple[str, list[Any]]:
    """``$1`` for each name, and the values in that order."""
    text, names = _text(call.text)
    values: Any = call.values
    return text, [values[name] for name in names]


@lru_cache(512)
def _text(text: str) -> tuple[str, tuple[str, ...]]:
    names: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%"
        number = names.setdefault(found[1], len(names) + 1)
        # Arrays come as literals: first they are text, then the server reads them.
        return f"${number}::text{found[2]}" if found[2] else f"${number}"

    return _PLACE.sub(place, text), tuple(names)
