"""What a list of jobs is asked for: read from the address of the page, made into what the store is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast, get_args

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from msgspec.structs import replace

from longshore.model import JobRecord, State, Where
from longshore.shown import is_seen_as

STATES: Final[tuple[State, ...]] = get_args(State)
#: what is shown of ``queued``
VIEWS: Final = ("ready", "scheduled", "retrying", "blocked")
PERIODS: Final = {"hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0}
_ID: Final = re.compile("[0-9a-f]{1,32}")


class Asked(NamedTuple):
    """The filters of a list; an empty text: any.

    created      one of `PERIODS`
    begin, end   between these times, seconds since the epoch
    text         how an id begins
    """

    state: str = ""
    queue: str = ""
    task: str = ""
    created: str = ""
    begin: float | None = None
    end: float | None = None
    text: str = ""

    @property
    def where(self) -> Where:
        """What the store looks for; `fits` tells the rest."""
        if self.state == "blocked":
            states: tuple[State, ...] | None = None
        elif self.state in VIEWS:
            states = ("queued",)
        else:
            states = (cast("State", self.state),) if self.state else None
        return Where(
            states=states,
            queue=self.queue or None,
            task=self.task or None,
            blocked=self.state == "blocked",
        )

    @property
    def slow(self) -> bool:
        """Whether jobs must be looked through that are not meant, because no index leads to those that are."""
        return bool(self.queue or self.task or self.state in (*VIEWS, "succeeded"))

    @property
    def among(self) -> Where:
        """Those that must be looked through."""
        return replace(self.where, queue=None, task=None)

    def fits(self, job: JobRecord, now: float) -> bool:
        """Whether this job of ``where`` is meant."""
        return self.state not in VIEWS or is_seen_as(job, self.state, now)

    def lowest(self, now: float) -> str | None:
        """No id below this one is meant: ids begin with the time they were made."""
        begins = [] if self.begin is None else [id_at(self.begin)]
        if self.created:
            begins.append(id_at(now - PERIODS[self.created]))
        if self.text:
            begins.append(self.text.ljust(32, "0"))
        return max(begins, default=None)

    def below(self) -> str | None:
        """All ids that are meant are below this one."""
        ends = [] if self.end is None else [id_at(self.end + 60)]  # the minute that was named is meant too
        if self.text and (following := int(self.text, 16) + 1) < 16 ** len(self.text):
            ends.append(f"{following:0{len(self.text)}x}".ljust(32, "0"))
        return min(ends, default=None)


def asked(given: Mapping[str, Any]) -> tuple[Asked, str]:
    """The filters in an address, and what cannot be understood of them, as a sentence; that is left out."""
    state, created = given.get("state", ""), given.get("created", "")
    text = str(given.get("q", "")).strip().lower().replace("-", "")
    begin, end = _time(given.get("from", "")), _time(given.get("to", ""))
    problem = ""
    if state and state not in (*STATES, *VIEWS):
        state, problem = "", f"There is no state “{state:.40}”."
    if created and created not in PERIODS:
        created, problem = "", f"“{created:.40}” is no span of time."
    if text and not _ID.fullmatch(text):
        text, problem = "", "Jobs are searched by id: up to 32 hexadecimal digits, or how it begins."
    if (begin is None and given.get("from")) or (end is None and given.get("to")):
        problem = "A time is written like 2030-01-31 09:30."
    one = Asked(state, str(given.get("queue", "")), str(given.get("task", "")), created, begin, end, text)
    return one, problem


def cursors(given: list[str]) -> list[str]:
    """Where the pages up to this one began."""
    return [one for one in given if _ID.fullmatch(one)]


def id_at(time: float) -> str:
    """The lowest id that can be made at a time."""
    return f"{min(max(int(time * 1000), 0), (1 << 48) - 1) << 80:032x}"


def _time(text: str) -> float | None:
    try:
        moment = parse_datetime(str(text).strip())
    except ValueError:
        return None
    if moment is None:
        return None
    try:
        return (moment if timezone.is_aware(moment) else _aware(moment)).timestamp()
    except (OverflowError, ValueError):
        return None


def _aware(moment: datetime) -> datetime:
    try:
        return timezone.make_aware(moment)
    except OverflowError:
        return moment.replace(tzinfo=UTC)
