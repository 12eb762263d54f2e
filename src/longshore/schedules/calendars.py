"""Schedules without some of their times: holidays, by date, by function, by calendar file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

import msgspec

from longshore.cron import zone, zone_name
from longshore.errors import ConfigError
from longshore.schedules.base import MICROSECOND, Excluded, Schedule

#: Most times in a row that are asked about before a schedule is taken to be excluded for ever.
_MOST: Final = 100_000


class Days(msgspec.Struct, frozen=True):
    """What is left out: single ``dates``; ``yearly`` (month, day); ``spans`` of time, from and until, in UTC."""

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()
    spans: tuple[tuple[datetime, datetime], ...] = ()

    def end(self, when: datetime) -> datetime | None:
        """When what leaves out this local time is over; None: nothing does."""
        for begin, end in self.spans:
            if begin <= when < end:
                return end
        day = when.date()
        if day in self.dates or (day.month, day.day) in self.yearly:
            return datetime.combine(day + timedelta(days=1), time(), when.tzinfo)
        return None


class Excluding(Schedule):
    """See `Schedule.excluding`."""

    __slots__ = ("_days", "_inner", "_named", "_tests", "_zone")

    def __init__(
        self, inner: Schedule, what: Sequence[Excluded | Days], timezone: str | tzinfo | None = None
    ) -> None:
        self._inner = inner
        self._named = timezone is not None
        self._zone = inner.zone if timezone is None else zone(timezone)
        self._tests: tuple[Callable[[datetime], object], ...] = tuple(
            test for test in what if callable(test) and not isinstance(test, (Path, Days))
        )
        self._days = _merged([_days(item, self._zone) for item in what if item not in self._tests])

    def __str__(self) -> str:
        days = self._days
        count = len(days.dates) + len(days.yearly) + len(days.spans)
        parts = [f"{count} dates"] * bool(count) + [
            getattr(test, "__qualname__", repr(test)) for test in self._tests
        ]
        return f"{self._inner} except {', '.join(parts) or 'nothing'}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Excluding) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((self._inner, self._tests))

    def _facts(self) -> tuple[object, ...]:
        return (self._inner, self._zone, self._tests, self._days)

    @property
    def zone(self) -> tzinfo:
        return self._inner.zone

    @property
    def follows_time(self) -> bool:
        return self._inner.follows_time

    @property
    def starts_now(self) -> bool:
        return self._inner.starts_now

    def begun(self, since: datetime) -> Schedule:
        begun = Excluding(self._inner.begun(since), (self._days, *self._tests))
        begun._zone = self._zone
        return begun

    def within(self, after: datetime, until: datetime) -> datetime | None:
        for _ in range(_MOST):
            found = self._inner.within(after, until)
            if found is None:
                return None
            local = found.astimezone(self._zone)
            end = self._days.end(local)
            if end is not None:
                after = max(found, end.astimezone(UTC) - MICROSECOND)
            elif any(test(local) for test in self._tests):
                after = found
            else:
                return found
        return None

    def to_doc(self) -> dict[str, Any]:
        if self._tests:
            raise ConfigError(
                f"{self} excludes by a function, and a schedule with a function cannot be stored: declare it in code, "
                "@app.periodic(...), or exclude by dates"
            )
        days = msgspec.to_builtins(self._days)
        zone = zone_name(self._zone) if self._named else None
        return {
            "of": self._inner.to_doc(),
            "excluding": {name: sorted(value) for name, value in days.items()},
            "timezone": zone,
        }


def _days(item: Any, where: tzinfo) -> Days:
    if isinstance(item, Days):
        return item
    if isinstance(item, Path):
        from longshore.schedules.ics import read

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


def _merged(parts: Sequence[Days]) -> Days:
    return Days(
        frozenset().union(*(part.dates for part in parts)),
        frozenset().union(*(part.yearly for part in parts)),
        tuple(span for part in parts for span in part.spans),
    )
