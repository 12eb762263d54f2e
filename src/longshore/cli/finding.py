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
