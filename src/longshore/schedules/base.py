"""What every schedule can do; several schedules as one; schedules without some of their times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from longshore.cron import zone, zone_name
from longshore.errors import ArgumentError, ConfigError
from longshore.schedules.calendars import days_of
from longshore.schedules.days import Days, merged

#: The last time any schedule gives.
END = datetime(9999, 12, 30, tzinfo=UTC)
#: Most times in a row that are asked about before a schedule is taken to be excluded for ever.
_MOST: Final = 100_000
MICROSECOND: Final = timedelta(microseconds=1)
Excluded = date | Iterable[date] | Callable[[datetime], object] | Path


class Schedule:
    """A rule that gives times (ticks). Never changed once made; made by `crontab`, `every` and `at`.

    ``a | b`` ticks when either does; ``a.excluding(...)`` leaves some of its times out.
    """

    __slots__ = ()
    #: whether it cannot be joined with others
    lone: ClassVar[bool] = False

    @property
    def zone(self) -> tzinfo:
        """The time zone its times are given in, and its days are counted in."""
        return UTC

    @property
    def follows_time(self) -> bool:
        """Whether it counts time that passes, rather than naming times of the clock: what a clock set back means to it."""
        return True

    @property
    def starts_now(self) -> bool:
        """Whether it ticks at once when it is first seen."""
        return False

    def begun(self, since: datetime) -> Schedule:
        """The same rule with all that depends on when it was first seen."""
        return self

    def next(self, after: datetime) -> datetime | None:
        """The first time strictly after ``after``, in the schedule's zone; None: never again.

        ArgumentError: ``after`` is no datetime with a time zone.
        """
        instant = aware(after, "after")
        found = self.begun(instant).within(instant, END)
        return None if found is None else found.astimezone(self.zone)

    def within(self, after: datetime, until: datetime) -> datetime | None:
        """The first time strictly after ``after`` and not after ``until``. All three in UTC."""
        raise NotImplementedError

    def excluding(self, *what: Excluded, timezone: str | tzinfo | None = None) -> Excluding:
        """The same schedule without some of its times.

        what       dates; a callable that is given each time and says whether to leave it out; the Path of an iCalendar
                   (.ics) file, whose events are left out (read now, once)
        timezone   the zone in which a date begins and ends, and times are given to the callable (None: the schedule's own)

        ConfigError: a date that is none, or a file that cannot be read or says something not understood.
        """
        return Excluding(self, what, timezone)

    def to_doc(self) -> dict[str, Any]:
        """As JSON, to be kept in a store. ConfigError: it holds a function, which cannot be stored."""
        raise NotImplementedError

    def __or__(self, other: object) -> Schedule:
        if not isinstance(other, Schedule):
            raise ConfigError(
                f"a schedule is joined with another one, not with {other!r:.80}. "
                "For a function write as_schedule(function); it comes from longshore.schedules"
            )
        return NotImplemented if other.lone else AnyOf((*_members(self), *_members(other)))

    def __ror__(self, other: object) -> Schedule:
        return self | other  # no schedule: says so

    def __repr__(self) -> str:
        return f"<Schedule {self}>"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class AnyOf(Schedule):
    """Ticks when any of its members does; once where several do."""

    __slots__ = ("members",)

    def __init__(self, members: Iterable[Schedule]) -> None:
        self.members = tuple(members)

    def __str__(self) -> str:
        return " | ".join(map(str, self.members))

    @property
    def zone(self) -> tzinfo:
        return self.members[0].zone

    @property
    def follows_time(self) -> bool:
        return all(member.follows_time for member in self.members)

    @property
    def starts_now(self) -> bool:
        return any(member.starts_now for member in self.members)

    def begun(self, since: datetime) -> Schedule:
        return AnyOf(member.begun(since) for member in self.members)

    def within(self, after: datetime, until: datetime) -> datetime | None:
        found = [member.within(after, until) for member in self.members]
        return min((time for time in found if time is not None), default=None)

    def to_doc(self) -> dict[str, Any]:
        return {"any": [member.to_doc() for member in self.members]}


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
        self._days = merged([days_of(item, self._zone) for item in what if item not in self._tests])

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


def _members(schedule: Schedule) -> tuple[Schedule, ...]:
    return schedule.members if isinstance(schedule, AnyOf) else (schedule,)


def aware(when: object, what: str, error: type[ConfigError | ArgumentError] = ArgumentError) -> datetime:
    """A datetime in UTC. Raises ``error``: it is none, or has no time zone."""
    if not isinstance(when, datetime):
        raise error(f"{what} must be a datetime with a time zone, not {when!r:.80}")
    if when.utcoffset() is None:
        raise error(
            f"{what} {when.isoformat()} has no time zone. Say which: tzinfo=ZoneInfo('Europe/Berlin')"
        )
    return when.astimezone(UTC)


def naive(when: datetime) -> datetime:
    """Without the UTC it is in."""
    return when.replace(tzinfo=None)
