"""Days and stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import msgspec


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


def merged(parts: Sequence[Days]) -> Days:
    """All of them as one."""
    return Days(
        frozenset().union(*(part.dates for part in parts)),
        frozenset().union(*(part.yearly for part in parts)),
        tuple(span for part in parts for span in part.spans),
    )
