"""From times on the wall to instants: a rule about local time, followed through a zone's changes of the clock. Pure.

All instants here are naive datetimes in UTC, and all walls naive datetimes in the zone: arithmetic on them is then exact.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

#: First wall time of the rule strictly after the given one; None: there is none.
Step = Callable[[datetime], datetime | None]
#: What is done with the wall times that a change of the clock skips or repeats: ``both`` follows real time (skipped ones do
#: not happen, repeated ones happen twice), ``first`` leaves the repetition out, ``once`` moreover makes up for skipped ones,
#: once, in the instant after the gap.
Policy = Literal["both", "first", "once"]

#: No zone's offset ever moved as far as this in one change.
_FAR: Final = timedelta(days=2)
#: Two changes of one zone's offset are further apart than this.
_STRIDE: Final = timedelta(hours=6)
_SECOND: Final = timedelta(seconds=1)


def wall(instant: datetime, zone: tzinfo) -> datetime:
    """What clocks in the zone show then; ``fold`` 1 in an hour that is repeated."""
    return zone.fromutc(instant.replace(tzinfo=zone)).replace(tzinfo=None)


def next_instant(step: Step, after: datetime, zone: tzinfo, policy: Policy) -> datetime | None:
    """The first instant of the rule strictly after ``after``. OverflowError: beyond the year 9999."""
    here = after
    shown = wall(here, zone)
    found = step(shown.replace(fold=0))
    offset = shown.replace(fold=0) - here
    while found is not None:
        instant = found - offset
        if instant - here > 2 * _FAR:
            # Only a wall time that is repeated near `here`, or near `instant`, could come in between.
            here, found, offset = _jump(step, here, instant, zone)
            continue
        change = _change(here, instant, zone)
        if change is None:
            if policy == "both" or not wall(instant, zone).fold:
                return instant
            here, found = instant, step(found)
            continue
        shown = wall(change, zone).replace(fold=0)
        if policy == "once" and found < shown:
            return change
        here, found, offset = change, step(shown - _SECOND), shown - change
    return None


def _jump(
    step: Step, here: datetime, instant: datetime, zone: tzinfo
) -> tuple[datetime, datetime | None, timedelta]:
    """Go on looking near ``here`` while a change is near; else just before ``instant``."""
    change = _change(here, here + _FAR, zone)
    if change is None:
        here = instant - _FAR
        shown = wall(here, zone).replace(fold=0)
        return here, step(shown), shown - here
    shown = wall(change, zone).replace(fold=0)
    return change, step(shown - _SECOND), shown - change


def _change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """The first instant in (after, until] from which the zone's offset is another than at ``after``."""
    offset = _offset(after, zone)
    low = after
    while low < until:
        high = min(low + _STRIDE, until)
        if _offset(high, zone) != offset:
            return _narrowed(low, high, offset, zone)
        low = high
    return None


def _narrowed(low: datetime, high: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    # Changes happen on whole seconds; `after` need not be one.
    low = low.replace(microsecond=0)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _offset(instant: datetime, zone: tzinfo) -> timedelta:
    return wall(instant, zone).replace(fold=0) - instant
