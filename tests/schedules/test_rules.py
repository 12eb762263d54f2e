"""Intervals, dates, predicates, unions, calendars; and all of them stored and read back."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore import ConfigError, Schedule, at, crontab, every
from longshore.schedules import as_schedule, dump, load

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ticks(schedule: Schedule, count: int, after: datetime = NOON) -> list[datetime]:
    found = []
    for _ in range(count):
        tick = schedule.next(after)
        if tick is None:
            break
        found.append(tick)
        after = tick
    return found


def test_an_anchor_fixes_the_phase_before_it_and_after_it() -> None:
    for anchor in (NOON - 700 * DAY + HOUR / 2, NOON + HOUR / 2, NOON + 700 * DAY + HOUR / 2):
        assert ticks(every(HOUR, anchor=anchor), 2) == [NOON + HOUR / 2, NOON + HOUR * 1.5]


def test_without_an_anchor_the_beginning_is_it() -> None:
    assert ticks(every(90), 2) == [NOON + timedelta(seconds=90), NOON + timedelta(seconds=180)]
    begun = every(90).begun(NOON)
    assert begun.next(NOON + timedelta(seconds=10)) == NOON + timedelta(seconds=90)


def test_a_day_is_24_hours_also_when_clocks_change() -> None:
    evening = datetime(2026, 10, 24, 20, tzinfo=BERLIN)
    assert every(DAY).next(evening) == datetime(2026, 10, 25, 19, tzinfo=BERLIN)


@given(
    st.floats(0.1, 1e7), st.one_of(st.none(), st.datetimes(timezones=st.just(UTC), min_value=datetime(1980, 1, 1), max_value=datetime(2090, 1, 1)))  # noqa: DTZ001, E501
)  # fmt: skip
def test_intervals_strictly_increase_by_the_period(period: float, anchor: datetime | None) -> None:
    schedule = every(period, anchor=anchor)
    found = ticks(schedule, 4)
    assert NOON < found[0] <= NOON + timedelta(seconds=period)
    assert {later - earlier for earlier, later in itertools.pairwise(found)} == {timedelta(seconds=period)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: every(0), "more than zero"),
        (lambda: every(-5), "more than zero"),
        (lambda: every(0.01), "too often"),
        (lambda: every("5m"), "seconds or a timedelta"),
        (lambda: every(float("nan")), "more than zero"),
        (lambda: every(60, anchor=datetime(2026, 1, 1)), "anchor .* no time zone"),  # noqa: DTZ001
        (lambda: every(60, anchor=5), "anchor must be a datetime"),
        (lambda: at(), "at least one"),
        (lambda: at(datetime(2026, 1, 1)), "no time zone"),  # noqa: DTZ001
        (lambda: at(date(2026, 1, 1)), "must be a datetime"),
        (lambda: as_schedule("* * * * *"), r'write crontab\("\* \* \* \* \*"\)'),
        (lambda: as_schedule(60), r"write every\(60\)"),
        (lambda: as_schedule(datetime), "a schedule is"),
        (lambda: as_schedule(None), "a schedule is"),
        (lambda: every(60).excluding("2026-12-24"), "date.fromisoformat"),
        (lambda: every(60).excluding([NOON]), "whole days"),
        (lambda: every(60).excluding(5), "not 5"),
        (lambda: every(60).excluding(timezone="Nowhere"), "no time zone"),
    ],
)
def test_what_cannot_be(make: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_dates_come_once_each_in_order() -> None:
    later, sooner = NOON + DAY, NOON + HOUR
    assert ticks(at(later, sooner, sooner), 5) == [sooner, later]
    assert at(NOON).next(NOON) is None


def test_a_predicate_is_asked_once_a_minute() -> None:
    asked = []

    def quarter(when: datetime) -> bool:
        asked.append(when)
        return when.minute == 15

    assert as_schedule(quarter).next(NOON + timedelta(seconds=1.5)) == NOON + HOUR / 4
    assert asked == [NOON + timedelta(minutes=n) for n in range(1, 16)]
    assert as_schedule(lambda when: when.hour == 9, BERLIN).next(NOON) == datetime(
        2026, 11, 22, 9, tzinfo=BERLIN
    )


def test_a_predicate_that_is_never_true_ends() -> None:
    assert as_schedule(lambda when: False).next(NOON) is None


def test_a_union_ticks_once_where_both_do() -> None:
    both = crontab("0 13 * * *") | crontab("0 */6 * * *") | at(NOON + HOUR)
    assert [tick.hour for tick in ticks(both, 4)] == [13, 18, 0, 6]


def test_a_union_with_a_function() -> None:
    def at_ten_past(when: datetime) -> bool:
        return when.minute == 10

    daily = crontab("0 13 * * *")
    either = daily | as_schedule(at_ten_past)
    assert [(tick.hour, tick.minute) for tick in ticks(either, 3)] == [(12, 10), (13, 0), (13, 10)]
    for wrong in (lambda: daily | at_ten_past, lambda: at_ten_past | daily, lambda: daily | 5):
        with pytest.raises(ConfigError, match=r"write as_schedule\(function\)"):
            wrong()


def test_excluded_days_begin_and_end_in_the_zone() -> None:
    nine = crontab("0 9 * * *", timezone="Europe/Berlin").excluding(date(2026, 11, 22), [date(2026, 11, 24)])
    assert [tick.day for tick in ticks(nine, 3)] == [23, 25, 26]
    late = crontab("30 23 * * *").excluding(date(2026, 11, 22), timezone="Europe/Berlin")
    # 23:30 in London is half past midnight of the 22nd in Berlin.
    assert [tick.day for tick in ticks(late, 2)] == [22, 23]


def test_excluding_by_a_function() -> None:
    working = crontab("@daily", timezone="Europe/Berlin").excluding(lambda when: when.isoweekday() > 5)
    assert [tick.isoweekday() for tick in ticks(working, 6)] == [1, 2, 3, 4, 5, 1]
    assert every(60).excluding(lambda when: True).next(NOON) is None


def test_a_whole_year_excluded_costs_nothing() -> None:
    year = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    assert every(0.1).excluding(year).next(datetime(2027, 1, 1, tzinfo=UTC)) == datetime(
        2028, 1, 1, tzinfo=UTC
    )


ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
SUMMARY:Christmas
DTSTART;VALUE=DATE:20201224
DTEND;VALUE=DATE:20201227
RRULE:FREQ=YEARLY
BEGIN:VALARM
DTSTART:nonsense
END:VALARM
END:VEVENT
BEGIN:VEVENT
SUMMARY:A folded
  line
DTSTART;VALUE=DATE:20261130
END:VEVENT
BEGIN:VEVENT
SUMMARY:Maintenance
DTSTART;TZID=Europe/Berlin:20261201T080000
DTEND;TZID=Europe/Berlin:20261201T120000
END:VEVENT
BEGIN:VEVENT
STATUS:CANCELLED
DTSTART;VALUE=DATE:20261202
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_file(tmp_path: Path) -> None:
    path = tmp_path / "holidays.ics"
    path.write_text(ICS.replace("\n", "\r\n"))
    nine = crontab("0 9,13 * * *", timezone="Europe/Berlin").excluding(path)
    after = datetime(2026, 11, 29, 20, tzinfo=BERLIN)
    assert [(tick.day, tick.hour) for tick in ticks(nine, 3, after)] == [(1, 13), (2, 9), (2, 13)]
    for year in (2026, 2031):
        assert nine.next(datetime(year, 12, 23, 20, tzinfo=BERLIN)) == datetime(
            year, 12, 27, 9, tzinfo=BERLIN
        )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("SUMMARY:Odd\nDTSTART;VALUE=DATE:20261301", '"Odd".*holidays.ics'),
        ("SUMMARY:Odd", "no DTSTART"),
        ("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=WEEKLY", "FREQ=WEEKLY; only FREQ=YEARLY"),
        ("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;COUNT=3", "COUNT=3"),
        ("DTSTART:20261224T100000Z\nRRULE:FREQ=YEARLY", "whole days"),
        ("DTSTART:20261224T100000Z\nDURATION:PT1H", "DURATION"),
        ("DTSTART:20261224T100000Z\nDTEND;VALUE=DATE:20261225", "date and ends with a time"),
        ("DTSTART;TZID=Nowhere:20261224T100000\nDTEND:20261225T000000Z", "no time zone"),
    ],
)
def test_a_calendar_that_is_not_understood(tmp_path: Path, event: str, words: str) -> None:
    path = tmp_path / "holidays.ics"
    path.write_text(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{event}\nEND:VEVENT\nEND:VCALENDAR\n")
    with pytest.raises(ConfigError, match=words):
        every(60).excluding(path)


def test_a_file_that_is_no_calendar(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        every(60).excluding(tmp_path / "none.ics")
    (tmp_path / "text.ics").write_text("hello")
    with pytest.raises(ConfigError, match="no iCalendar file"):
        every(60).excluding(tmp_path / "text.ics")


def test_every_kind_comes_back_from_the_store(tmp_path: Path) -> None:
    import msgspec

    path = tmp_path / "holidays.ics"
    path.write_text(ICS)
    for rule in (
        crontab("*/7 3 * * MON", timezone="Europe/Berlin", dst="skip"),
        crontab(minute=5, second=30),
        every(90.5, anchor=NOON.astimezone(BERLIN), start_now=True),
        every(60),
        at(NOON + HOUR, NOON + DAY),
        crontab("@daily") | every(3600, anchor=NOON) | at(NOON + DAY),
        crontab("0 9,13 * * *", timezone="Europe/Berlin").excluding(path, [date(2026, 11, 22)]),
        crontab("@hourly").excluding(date(2026, 11, 22), timezone="Asia/Tokyo"),
    ):
        again = load(msgspec.json.decode(msgspec.json.encode(dump(rule))))
        assert dump(again) == dump(rule)
        assert again.starts_now == rule.starts_now
        assert ticks(again, 60) == ticks(rule, 60)


def test_what_holds_a_function_cannot_be_stored() -> None:
    minutely = as_schedule(lambda when: True)
    for rule in (minutely, crontab("@daily").excluding(lambda when: True), crontab("@daily") | minutely):
        with pytest.raises(ConfigError, match="cannot be stored: declare it in code"):
            dump(rule)


@pytest.mark.parametrize(
    "doc", [{}, {"cron": 5}, {"cron": "* * * * *"}, {"every": "x"}, {"new": 1}, {"at": ["x"]}]
)
def test_a_damaged_rule_is_told(doc: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="stored schedule"):
        load(doc)
