"""A function that says of any minute whether it is time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from longshore.cron import zone, zone_name
from longshore.errors import ConfigError
from longshore.schedules.base import END, Schedule

_MINUTE: Final = timedelta(minutes=1)
#: `next` looks so far ahead: half a million questions.
_HORIZON: Final = timedelta(days=366)


class ByMinute(Schedule):
    """Asks a function at the beginning of every minute, with an aware datetime."""

    __slots__ = ("_zone", "predicate")

    def __init__(self, predicate: Callable[[datetime], object], timezone: str | tzinfo = "UTC") -> None:
        self.predicate = predicate
        self._zone = zone(timezone)

    def __str__(self) -> str:
        return f"minutes for which {_name(self.predicate)} is true ({zone_name(self._zone)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByMinute) and self.predicate == other.predicate and self._zone == other._zone

    def __hash__(self) -> int:
        return hash(self.predicate)

    @property
    def zone(self) -> tzinfo:
        return self._zone

    def within(self, after: datetime, until: datetime) -> datetime | None:
        minute = after.replace(second=0, microsecond=0) + _MINUTE
        last = min(until, after + _HORIZON) if until == END else until
        while minute <= last:
            if self.predicate(minute.astimezone(self._zone)):
                return minute
            minute += _MINUTE
        return None

    def to_doc(self) -> dict[str, Any]:
        raise ConfigError(
            f"{_name(self.predicate)} is a function, and a schedule with a function cannot be stored: declare it in code, "
            "@app.periodic(...), or say it with crontab, every or at"
        )


def as_schedule(rule: object, timezone: str | tzinfo = "UTC") -> Schedule:
    """A schedule as it is; of a function ``datetime -> bool``, the minutes for which it is true.

    ConfigError: it is neither.
    """
    if isinstance(rule, Schedule):
        return rule
    if isinstance(rule, str):
        raise ConfigError(f'"{rule}" is text, not a schedule: write crontab("{rule}")')
    if isinstance(rule, (int, float, timedelta)):
        raise ConfigError(f"{rule!r} is a duration, not a schedule: write every({rule!r})")
    if isinstance(rule, type) or not callable(rule):
        raise ConfigError(
            f"a schedule is crontab(...), every(...), at(...) or a function datetime -> bool, not {rule!r:.80}"
        )
    return ByMinute(rule, timezone)


def _name(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)
