"""``crontab(...)``."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from longshore.cron import Cron, Dst, Field, expression, zone_name
from longshore.errors import ConfigError
from longshore.schedules.base import Schedule, naive


class Crontab(Schedule):
    """The times of a cron expression."""

    __slots__ = ("cron",)

    def __init__(self, cron: Cron) -> None:
        self.cron = cron

    def __str__(self) -> str:
        dst = "" if self.cron.dst == "cron" else f", dst {self.cron.dst}"
        return f"{self.cron.expression} ({zone_name(self.cron.zone)}{dst})"

    @property
    def zone(self) -> tzinfo:
        return self.cron.zone

    @property
    def follows_time(self) -> bool:
        return not self.cron.fixed

    def within(self, after: datetime, until: datetime) -> datetime | None:
        found = self.cron.after(naive(after))
        if found is None:
            return None
        time = found.replace(tzinfo=UTC)
        return time if time <= until else None

    def to_doc(self) -> dict[str, Any]:
        return {"cron": self.cron.expression, "timezone": zone_name(self.cron.zone), "dst": self.cron.dst}


_ALL = "*"


def crontab(
    text: str | None = None,
    /,
    *,
    minute: Field = _ALL,
    hour: Field = _ALL,
    day: Field = _ALL,
    month: Field = _ALL,
    day_of_week: Field = _ALL,
    second: Field | None = None,
    timezone: str | tzinfo = "UTC",
    dst: Dst = "cron",
) -> Schedule:
    """Times of the clock and the calendar: ``crontab(minute="*/5", timezone="Europe/Berlin")``, ``crontab("0 9 * * 1-5")``.

    text       the usual five fields, six with the second first, or ``@hourly @daily @weekly @monthly @yearly``
    minute, hour, day, month, day_of_week, second
               each as in a crontab: a number, ``*``, a range, a list, a step, a name; or numbers in a list. A field left out
               is every one (``*``): with an hour and no minute, every minute of that hour. Seconds: 0
    timezone   the zone whose clock is meant: an IANA name, a ZoneInfo, `datetime.UTC`
    dst        what happens to times that a change of the clock skips or repeats: ``cron``, ``skip`` or ``both``, see `Cron`

    ConfigError: names the field and value that cannot be, a date that never comes, an unknown zone.
    """
    fields = (minute, hour, day, month, day_of_week, second)
    if text is None:
        return Crontab(Cron(expression(*fields), timezone=timezone, dst=dst))
    if not isinstance(text, str):
        raise ConfigError(
            f"crontab takes its fields by name, or all in one text, not {text!r:.80}: crontab(minute={text!r:.20})"
        )
    if fields != (_ALL, _ALL, _ALL, _ALL, _ALL, None):
        raise ConfigError(f'crontab takes a text ("{text}") or fields by name, not both')
    return Crontab(Cron(text, timezone=timezone, dst=dst))
