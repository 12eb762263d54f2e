"""The days that an iCalendar file (RFC 5545) tells of: its events, those that come back every year included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

from longshore.cron import zone
from longshore.errors import ConfigError
from longshore.schedules.days import Days

#: property name → (parameters, value)
Event = dict[str, tuple[str, str]]


def read(path: Path, where: tzinfo) -> Days:
    """What its events cover; ``where`` is the zone of times that name none.

    ConfigError: it cannot be read, is no calendar, or an event says something that is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the calendar {str(path)!r} cannot be read: {error}") from None
    if "BEGIN:VCALENDAR" not in text.upper():
        raise ConfigError(f"{str(path)!r} is no iCalendar file: it has no BEGIN:VCALENDAR")
    dates: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    spans: list[tuple[datetime, datetime]] = []
    for event in _events(text):
        try:
            _check(event)
            begin, end = _span(event, where)
            if not isinstance(begin, datetime):
                days = [begin + timedelta(days=n) for n in range((end - begin).days)]
                every_year = _yearly(event, begin)
                dates.update(() if every_year else days)
                yearly.update((day.month, day.day) for day in days if every_year)
            elif "RRULE" in event:
                raise ValueError("a repeated event must be of whole days")
            elif isinstance(end, datetime):
                spans.append((begin, end))
        except ValueError as error:
            name = event.get("SUMMARY", ("", "without a name"))[1]
            raise ConfigError(f'the event "{name:.60}" in {str(path)!r} is not understood: {error}') from None
    return Days(frozenset(dates), frozenset(yearly), tuple(spans))


def _events(text: str) -> Iterator[Event]:
    """The properties of each VEVENT; those of components inside it (alarms) are left out."""
    # A line that begins with a blank continues the one before.
    lines = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "").split("\n")
    event: Event | None = None
    depth = 0
    for line in lines:
        head, _, value = line.partition(":")
        name, _, parameters = head.partition(";")
        match name.upper(), value.strip().upper():
            case "BEGIN", "VEVENT":
                event, depth = {}, 0
            case "END", "VEVENT":
                if event is not None and event.get("STATUS", ("", ""))[1].upper() != "CANCELLED":
                    yield event
                event = None
            case "BEGIN", _:
                depth += 1
            case "END", _:
                depth -= 1
            case key, _ if event is not None and depth == 0:
                event[key] = (parameters, value.strip())


def _check(event: Event) -> None:
    for name in ("RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"):
        if name in event:
            raise ValueError(f"{name} {event[name][1]}; list its days one by one, as events of their own")


def _span(event: Event, where: tzinfo) -> tuple[date, date]:
    """Where it begins and ends (not included): two dates, or two times in UTC."""
    if "DTSTART" not in event:
        raise ValueError("it has no DTSTART")
    begin = _moment(event["DTSTART"], where)
    if "DURATION" in event:
        raise ValueError("DURATION; give it a DTEND")
    if "DTEND" in event:
        end = _moment(event["DTEND"], where)
        if isinstance(begin, datetime) is not isinstance(end, datetime):
            raise ValueError("it begins with a date and ends with a time, or the other way round")
        return begin, end
    return begin, begin if isinstance(begin, datetime) else begin + timedelta(days=1)


def _moment(given: tuple[str, str], where: tzinfo) -> date:
    parameters, value = given
    if len(value) == 8:
        return datetime.strptime(value, "%Y%m%d").replace(tzinfo=UTC).date()
    if value.endswith("Z"):
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    named = next((part[5:] for part in parameters.split(";") if part.upper().startswith("TZID=")), "")
    local = datetime.strptime(value, "%Y%m%dT%H%M%S").replace(
        tzinfo=zone(named.strip('"')) if named else where
    )
    return local.astimezone(UTC)


def _yearly(event: Event, begin: date) -> bool:
    if "RRULE" not in event:
        return False
    rule: dict[str, str] = {}
    for part in event["RRULE"][1].upper().split(";"):
        name, _, value = part.partition("=")
        rule[name] = value
    plain = {"FREQ", "INTERVAL", "BYMONTH", "BYMONTHDAY", "WKST"}
    if rule.get("FREQ") != "YEARLY" or rule.get("INTERVAL", "1") != "1" or not rule.keys() <= plain:
        raise ValueError(f"RRULE {event['RRULE'][1]}; only FREQ=YEARLY is known, list other days one by one")
    for name, of_begin in (("BYMONTH", begin.month), ("BYMONTHDAY", begin.day)):
        if rule.get(name, str(of_begin)).lstrip("0") != str(of_begin):
            raise ValueError(f"RRULE {event['RRULE'][1]}; its {name} is not that of its DTSTART, {begin}")
    return True
