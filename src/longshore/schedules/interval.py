"""``every(...)``."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from longshore.duration import seconds
from longshore.errors import ConfigError
from longshore.schedules.base import AnyOf, Schedule, aware
from longshore.schedules.dates import Dates

#: Shorter is no work for a queue.
SHORTEST: Final = timedelta(milliseconds=100)


class Every(Schedule):
    """An anchor plus or minus any number of periods. Without an anchor yet, from wherever it is asked."""

    __slots__ = ("anchor", "period", "start_now")

    def __init__(self, period: timedelta, anchor: datetime | None = None, start_now: bool = False) -> None:
        self.period = period
        self.anchor = anchor
        self.start_now = start_now

    def __str__(self) -> str:
        anchor = "" if self.anchor is None else f" from {self.anchor.isoformat()}"
        return f"every {self.period.total_seconds():g} s{anchor}{', starting now' if self.start_now else ''}"

    @property
    def zone(self) -> tzinfo:
        zone = None if self.anchor is None else self.anchor.tzinfo
        return super().zone if zone is None else zone

    @property
    def starts_now(self) -> bool:
        return self.start_now

    def begun(self, since: datetime) -> Schedule:
        begun = Every(self.period, self.anchor or since)
        return AnyOf((begun, Dates((since,)))) if self.start_now else begun

    def within(self, after: datetime, until: datetime) -> datetime | None:
        try:
            if self.anchor is None:
                found = after + self.period
            else:
                start = aware(self.anchor, "anchor")
                found = start + ((after - start) // self.period + 1) * self.period
        except OverflowError:
            return None
        return found if found <= until else None

    def to_doc(self) -> dict[str, Any]:
        anchor = None if self.anchor is None else aware(self.anchor, "anchor").isoformat()
        return {"every": self.period.total_seconds(), "anchor": anchor, "start_now": self.start_now}


def every(period: float | timedelta, *, anchor: datetime | None = None, start_now: bool = False) -> Schedule:
    """Again and again after so long: ``every(90)``, ``every(timedelta(hours=6), anchor=...)``.

    period      seconds or a timedelta, at least 0.1 s. Real time: a day is 24 hours, also when clocks change (for "at nine
                each morning" use `crontab`)
    anchor      a datetime with a time zone that fixes the phase: ticks are at it and whole periods before and after it.
                None: the phase is fixed when a worker first sees the schedule or it is put, and kept over restarts
    start_now   tick at once when first seen, then as above

    ConfigError: a period that is no duration or too short, an anchor without a time zone.
    """
    length = timedelta(seconds=seconds(period, "every", positive=True))
    if length < SHORTEST:
        raise ConfigError(f"every({period!r:.80}) is too often: at least {SHORTEST.total_seconds():g} s")
    if anchor is not None:
        aware(anchor, "every: anchor", ConfigError)
    return Every(length, anchor, bool(start_now))
