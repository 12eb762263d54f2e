"""``at(...)``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Any

from longshore.errors import ConfigError
from longshore.schedules.base import Schedule, aware


class Dates(Schedule):
    """Some moments."""

    __slots__ = ("_first_zone", "moments")

    def __init__(self, moments: Iterable[datetime]) -> None:
        given = tuple(moments)
        self._first_zone = given[0].tzinfo
        self.moments = sorted({aware(moment, "at", ConfigError) for moment in given})

    def __str__(self) -> str:
        shown = [moment.astimezone(self.zone).isoformat() for moment in self.moments[:3]]
        more = f" and {len(self.moments) - 3} more" if len(self.moments) > 3 else ""
        return f"at {', '.join(shown)}{more}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dates) and self.moments == other.moments

    def __hash__(self) -> int:
        return hash(tuple(self.moments))

    @property
    def zone(self) -> tzinfo:
        return self._first_zone or super().zone

    @property
    def follows_time(self) -> bool:
        return False

    def within(self, after: datetime, until: datetime) -> datetime | None:
        place = bisect_right(self.moments, after)
        if place < len(self.moments) and self.moments[place] <= until:
            return self.moments[place]
        return None

    def to_doc(self) -> dict[str, Any]:
        return {"at": [moment.isoformat() for moment in self.moments]}


def at(*moments: datetime) -> Schedule:
    """Once, or at each of some moments: ``at(datetime(2027, 1, 1, tzinfo=UTC))``. ConfigError: one without a time zone."""
    if not moments:
        raise ConfigError("at() needs at least one datetime")
    for moment in moments:
        aware(moment, "at:", ConfigError)
    return Dates(moments)
