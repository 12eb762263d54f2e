"""What a user gives to leave out, as days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any

from longshore.errors import ConfigError
from longshore.schedules.days import Days
from longshore.schedules.ics import read


def days_of(item: Any, where: tzinfo) -> Days:
    """The days of a date, of dates, or of an iCalendar file. ConfigError: it is none of those."""
    if isinstance(item, Days):
        return item
    if isinstance(item, Path):
        return read(item, where)
    if isinstance(item, date):
        return _dates([item])
    if isinstance(item, str) or not isinstance(item, Iterable):
        raise ConfigError(
            f"excluding() takes dates, a function, or a Path of an .ics file, not {item!r:.80}"
            + ("; write date.fromisoformat(...) or Path(...)" if isinstance(item, str) else "")
        )
    return _dates(item)


def _dates(items: Iterable[Any]) -> Days:
    found = list(items)
    for item in found:
        if not isinstance(item, date) or isinstance(item, datetime):
            raise ConfigError(f"excluding() takes whole days, datetime.date, not {item!r:.80}")
    return Days(dates=frozenset(found))
