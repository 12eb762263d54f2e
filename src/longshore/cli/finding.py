"""What a check of the doctor's comes to."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warn", "FAIL"]


class Finding(NamedTuple):
    """One line of the doctor's, and what to do about it."""

    level: Level
    topic: str
    text: str
    fix: str = ""


def failure(topic: str, error: Exception) -> Finding:
    """An error's first line as what is wrong, and the others as what to do about it."""
    text, *rest = str(error).splitlines() or [type(error).__name__]
    fix = ""
    for line in rest:
        fix += line if not fix else f" {line}" if fix.endswith((":", ",")) else f"; {line}"
    return Finding("FAIL", topic, text, fix)
