"""Which ticks of a schedule are to become jobs, and what is remembered of them. Pure.

A tick has one identity, made of its schedule and its time: whoever adds it, and however often, adds the same job.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from longshore.schedules.base import MICROSECOND, Schedule

CatchUp = Literal["none", "latest", "all"]
Overlap = Literal["allow", "skip", "queue"]
#: At most so many missed ticks, or none older than that.
Bound = int | timedelta | None

#: A tick that is seen no later than this is on time: workers restart, machines are busy.
GRACE: Final = timedelta(seconds=10)
#: ``catch_up="all"`` without a bound makes up for so many missed ticks.
MOST: Final = 100
#: A clock set back by less is waited for.
SLACK: Final = timedelta(minutes=1)
#: A clock set back by more was wrong before (as Debian's cron sees it).
CORRECTION: Final = timedelta(hours=3)


class Cursor(msgspec.Struct, frozen=True):
    """How far a schedule is. Times in seconds since the epoch.

    last         the newest tick that was dealt with, or when the schedule began
    since        which beginning this is about: that of a changed rule is another
    generation   how often the clock was set back so far that ticks of the same times are new ones
    pending      a tick that waits for the job of an earlier one (overlap "queue")
    """

    last: float
    since: float
    generation: int = 0
    pending: float | None = None


def begin(schedule: Schedule, since: float, before: Cursor | None = None) -> Cursor:
    """Where a schedule (or, after ``before``, its changed rule) begins: what comes after ``since``, or with it."""
    last = since - 1e-5 if schedule.starts_now else since
    return Cursor(last, since, 0 if before is None else before.generation)


def rewound(schedule: Schedule, cursor: Cursor, now: float) -> Cursor | None:
    """Where to go on if the clock was set back far; None: it was not, or the ticks ahead must not come again.

    What follows time that passes goes on; what names times of the day does not run twice, unless the clock was just wrong.
    """
    ahead = cursor.last - now
    if ahead <= (SLACK if schedule.follows_time else CORRECTION).total_seconds():
        return None
    return Cursor(now, cursor.since, cursor.generation + 1)


def due(
    schedule: Schedule,
    last: datetime,
    now: datetime,
    catch_up: CatchUp,
    bound: Bound = None,
    *,
    resumed: bool = False,
) -> list[datetime]:
    """The ticks after ``last``, up to ``now``, that are to become jobs, oldest first. Times in UTC.

    Ticks at most `GRACE` late are on time; if work was ``resumed`` after nobody looked, only the newest
    of them. Of others, missed: ``none``; the ``latest``, unless a later tick is on time; ``all``. ``bound``: at most so many
    missed ones (the newest; `MOST` where ``all`` has no bound), or none older than that.
    """
    if last >= now:
        return []
    edge = max(last, now - GRACE)
    on_time = _newest(schedule, edge, now, 1 if resumed else None)
    if resumed and on_time:
        edge = on_time[0] - MICROSECOND
    if catch_up == "none" or edge <= last or (catch_up == "latest" and on_time):
        return on_time
    if isinstance(bound, timedelta):
        last = max(last, now - bound)
    count = 1 if catch_up == "latest" else bound if isinstance(bound, int) else MOST
    if bound == 0 or last >= edge:
        return on_time
    return [*_newest(schedule, last, edge, count), *on_time]


def _newest(schedule: Schedule, after: datetime, until: datetime, count: int | None) -> list[datetime]:
    """The last ``count`` ticks (None: all) in (after, until].

    Looked for in longer and longer stretches back from the end: a clock set forward by years must not cost years of ticks.
    """
    span = timedelta(seconds=1)
    while True:
        start = after if count is None or until - after <= span else until - span
        found: deque[datetime] = deque(maxlen=count)
        tick = schedule.within(start, until)
        while tick is not None:
            found.append(tick)
            tick = schedule.within(tick, until)
        if start == after or len(found) == count:
            return list(found)
        span *= 4


def advanced(cursor: Cursor, tried: Sequence[float], accepted: Sequence[bool], overlap: Overlap) -> Cursor:
    """What is remembered once ticks were tried: those that found the way free are jobs now."""
    pending = None
    if overlap == "queue":
        refused = (tick for tick, taken in zip(tried, accepted, strict=True) if not taken)
        pending = next(refused, None)
    return msgspec.structs.replace(cursor, last=max([cursor.last, *tried]), pending=pending)


def tick_id(key: str, tick: float, generation: int = 0) -> str:
    """The id of the tick's job: a version 8 UUID (RFC 9562), which sorts by the tick's time like the ids of other jobs."""
    text = f"{key}\0{generation}\0{tick:.6f}".encode()
    bits = int.from_bytes(hashlib.sha256(text).digest()[:10])
    stamp = max(0, int(tick * 1000)) & ((1 << 48) - 1)
    low = bits & ((1 << 62) - 1)
    return f"{stamp << 80 | 8 << 76 | (bits >> 64 & 0xFFF) << 64 | 2 << 62 | low:032x}"


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
