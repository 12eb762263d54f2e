"""A schedule as users see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from longshore.periodic.entry import Entry
from longshore.schedules import Schedule
from longshore.schedules.paced import Paced
from longshore.ticks import Cursor, moment


class Planned(NamedTuple):
    """One schedule of a store, as it is now. What ``app.schedules.get`` and ``list`` give.

    key        its name
    entry      what is stored of it: see `Entry`
    schedule   the rule; None: it holds a function, and this app does not declare it
    problem    why it does not tick in this app's workers, as a sentence; empty: it does
    paused     since when, in seconds since the epoch; None: it is not
    cursor     how far it is; None: no worker has seen it tick
    """

    key: str
    entry: Entry
    schedule: Schedule | None
    problem: str = ""
    paused: float | None = None
    cursor: Cursor | None = None

    @property
    def task(self) -> str:
        """The name of the task it runs."""
        return self.entry.task

    @property
    def last(self) -> datetime | None:
        """The newest tick that became a job, or was passed over; None: there was none yet."""
        cursor = self.cursor
        return None if cursor is None else moment(cursor.last)

    def next(self, after: datetime) -> datetime | None:
        """The first tick after a time; None: there is none, or it is paused, or its rule is not known here."""
        return None if self.paused is not None else next(self.upcoming(after), None)

    def upcoming(self, after: datetime) -> Iterator[datetime]:
        """The ticks after a time, whether it is paused or not; none where its rule is not known here."""
        schedule, since = self.schedule, self.entry.since
        if isinstance(schedule, Paced):
            # Of the ticks after the next one, nobody can tell.
            last = self.last or (moment(since) if since else after)
            yield max(after, after + timedelta(seconds=schedule.wait(last)))
            return
        if schedule is not None and since:
            schedule = schedule.begun(moment(since))
            after = max(after, moment(since))
        while schedule is not None:
            tick = schedule.next(after)
            if tick is None:
                return
            yield tick
            after = tick
