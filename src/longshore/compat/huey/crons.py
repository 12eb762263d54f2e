"""``crontab`` in the words of huey: the month first, day and day of the week both have to match."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from longshore.errors import ConfigError

Predicate = Callable[[datetime], bool]

#: first and last value of each field; 0 is Sunday
_RANGES: Final = {
    "month": (1, 12),
    "day": (1, 31),
    "day_of_week": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
}
#: most days of each month, February in a leap year
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def crontab(
    month: str | int = "*",
    day: str | int = "*",
    day_of_week: str | int = "*",
    hour: str | int = "*",
    minute: str | int = "*",
) -> Predicate:
    """A test of datetimes: true for those that match all five fields. Seconds are left aside.

    Each field takes ``*``, ``*/n`` (every n-th value from the first), ``m-n``, ``m,n``, mixtures of them with commas, or a
    number. day_of_week is 0 (Sunday) to 6; 7 is Sunday too.

    ConfigError: names the field and what it cannot be, or a date that never comes.
    """
    given = {"month": month, "day": day, "day_of_week": day_of_week, "hour": hour, "minute": minute}
    fields = {name: _values(name, value) for name, value in given.items()}
    if not any(first <= _DAYS[of - 1] for of in fields["month"] for first in fields["day"]):
        raise ConfigError(f'crontab: no month "{month}" has a day "{day}", so it would never run')
    months, days, weekdays, hours, minutes = fields.values()

    def validate_date(when: datetime) -> bool:
        return (
            when.minute in minutes
            and when.hour in hours
            and when.day in days
            and when.month in months
            and when.isoweekday() % 7 in weekdays
        )

    return validate_date


def _values(name: str, value: object) -> frozenset[int]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _wrong(name, value, "it is neither text nor a number")
    found: set[int] = set()
    for part in str(value).split(","):
        found.update(_part(name, value, part))
    return frozenset(found)


def _part(name: str, value: object, part: str) -> range:
    low, high = _RANGES[name]
    if part == "*":
        return range(low, high + 1)
    star, slash, step = part.partition("/")
    if slash:
        if star != "*" or not step.isdecimal() or int(step) < 1:
            raise _wrong(name, value, f'"{part}" is no step; a step is */2, say')
        return range(low, high + 1, int(step))
    first, dash, last = part.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise _wrong(name, value, f'"{part}" is no number and no range')
    begin, end = int(first), int(last or first)
    if name == "day_of_week" and begin == end == 7:
        return range(1)
    if not low <= begin <= end <= high:
        raise _wrong(name, value, f'"{part}" is not within {low} to {high}')
    return range(begin, end + 1)


def _wrong(name: str, value: object, why: str) -> ConfigError:
    low, high = _RANGES[name]
    return ConfigError(
        f"crontab: {name}={value!r:.60} cannot be: {why}. It takes *, */n, m-n, m,n or a number from {low} to {high}"
    )
