"""Cron the slow way: every minute is looked at, and the clock on the wall asked. Shares no code with Longshore."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def numbers(field: str, low: int, high: int) -> set[int]:
    """What a field of numbers, ranges, lists and steps stands for."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = low if first == "*" else int(first)
        end = high if first == "*" or (step and not last) else int(last or first)
        found.update(range(begin, end + 1, int(step or 1)))
    return found


class Oracle:
    """Five fields, in a zone, under a policy."""

    def __init__(self, expression: str, zone: tzinfo, dst: str) -> None:
        fields = expression.split()
        self.sets = [numbers(field, *span) for field, span in zip(fields, _RANGES, strict=True)]
        self.both_days = fields[2].startswith("*") or fields[4].startswith("*")
        self.fixed = not fields[0].startswith("*") and not fields[1].startswith("*")
        self.zone, self.dst = zone, dst

    def matches(self, wall: datetime) -> bool:
        minutes, hours, days, months, weekdays = self.sets
        if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
            return False
        day = wall.day in days
        weekday = wall.isoweekday() in weekdays or wall.isoweekday() % 7 in weekdays
        return day and weekday if self.both_days else day or weekday

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All ticks in (after, until], in UTC; ``after`` is a whole minute."""
        before = _wall(after, self.zone)
        instant = after + MINUTE
        while instant <= until:
            local = instant.astimezone(self.zone)
            wall = local.replace(tzinfo=None, fold=0)
            if self._ticks(before, wall, local.fold):
                yield instant
            before = wall
            instant += MINUTE

    def _ticks(self, before: datetime, wall: datetime, fold: int) -> bool:
        if self.dst == "both" or (self.dst == "cron" and not self.fixed):
            return self.matches(wall)
        if self.matches(wall) and not fold:
            return True
        return self.dst == "cron" and any(map(self.matches, _between(before, wall)))


def _between(before: datetime, wall: datetime) -> Iterator[datetime]:
    """The walls that were skipped."""
    missed = before + MINUTE
    while missed < wall:
        yield missed
        missed += MINUTE


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def transitions(begin: datetime, end: datetime) -> dict[str, list[datetime]]:
    """Zone → the minutes from which its offset is another, for every kind of zone: of zones that agree, one."""
    kinds: dict[tuple[timedelta | None, ...], str] = {}
    days = [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
    for name in sorted(available_timezones() - {"localtime", "Factory"}):
        zone = ZoneInfo(name)
        kinds.setdefault(tuple(day.astimezone(zone).utcoffset() for day in days), name)
    return {
        name: [_change(days[n], ZoneInfo(name)) for n in range(len(days) - 1) if offsets[n] != offsets[n + 1]]
        for offsets, name in kinds.items()
    }


def _change(day: datetime, zone: tzinfo) -> datetime:
    offset = day.astimezone(zone).utcoffset()
    low, high = 0, 1440
    while high - low > 1:
        middle = (low + high) // 2
        if (day + middle * MINUTE).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return (day + high * MINUTE).astimezone(UTC)
