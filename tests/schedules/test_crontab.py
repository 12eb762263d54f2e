"""``crontab``: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from longshore import ArgumentError, ConfigError, Schedule, crontab

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday


def ticks(schedule: Schedule, count: int = 3, after: datetime = NOON) -> list[str]:
    found = []
    for _ in range(count):
        tick = schedule.next(after)
        if tick is None:
            break
        found.append(tick.isoformat(sep=" ")[:19])
        after = tick
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (crontab(minute="*/20"), ["2026-11-21 12:20:00", "2026-11-21 12:40:00"]),
        (crontab("*/20 * * * *"), ["2026-11-21 12:20:00", "2026-11-21 12:40:00"]),
        (crontab(minute=0, hour=[3, 15]), ["2026-11-21 15:00:00", "2026-11-22 03:00:00"]),
        (crontab(hour=13), ["2026-11-21 13:00:00", "2026-11-21 13:01:00"]),
        (crontab(minute=5, second="*/30"), ["2026-11-21 12:05:00", "2026-11-21 12:05:30"]),
        (crontab("15 30 9 * * *"), ["2026-11-22 09:30:15", "2026-11-23 09:30:15"]),
        (crontab("@daily"), ["2026-11-22 00:00:00", "2026-11-23 00:00:00"]),
        (crontab("@WEEKLY"), ["2026-11-22 00:00:00", "2026-11-29 00:00:00"]),
        (crontab("@yearly"), ["2027-01-01 00:00:00", "2028-01-01 00:00:00"]),
        (crontab("0 0 ? * mon"), ["2026-11-23 00:00:00", "2026-11-30 00:00:00"]),
        (crontab("0 0 1 JAN-MAR *"), ["2027-01-01 00:00:00", "2027-02-01 00:00:00"]),
        (crontab("0 0 * * 7"), ["2026-11-22 00:00:00", "2026-11-29 00:00:00"]),
        (crontab("0 0 L * *"), ["2026-11-30 00:00:00", "2026-12-31 00:00:00"]),
        (crontab("0 0 LW * *"), ["2026-11-30 00:00:00", "2026-12-31 00:00:00"]),
        (crontab("0 0 * * 5L"), ["2026-11-27 00:00:00", "2026-12-25 00:00:00"]),
        (crontab("0 0 * * FRI#2"), ["2026-12-11 00:00:00", "2027-01-08 00:00:00"]),
        (crontab("0 0 13 * FRI"), ["2026-11-27 00:00:00", "2026-12-04 00:00:00"]),
        (crontab("0 0 29 2 *"), ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        (crontab("30 9 * * *", timezone="Europe/Berlin"), ["2026-11-22 09:30:00", "2026-11-23 09:30:00"]),
        (crontab("30 9 * * *", timezone=ZoneInfo("Asia/Kolkata")), ["2026-11-22 09:30:00", "2026-11-23 09:30:00"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_it_takes(schedule: Schedule, expected: list[str]) -> None:
    assert ticks(schedule, 2) == expected


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        ("* * * *", {}, ["4 fields", "five"]),
        ("", {}, ["0 fields"]),
        ("60 * * * *", {}, ['minute "60"', "0 to 59"]),
        ("* 24 * * *", {}, ['hour "24"', "0 to 23"]),
        ("* * 0 * *", {}, ['day "0"', "1 to 31"]),
        ("* * * 13 *", {}, ['month "13"', "JAN"]),
        ("* * * * 8", {}, ['day_of_week "8"', "Sunday"]),
        ("61 * * * * *", {}, ['second "61"']),
        ("*/0 * * * *", {}, ['minute "*/0"']),
        ("5-1 * * * *", {}, ['minute "5-1"']),
        ("1,, * * * *", {}, ['minute "1,,"']),
        ("* * * January *", {}, ['month "January"']),
        ("* * * * 1#2/2", {}, ['day_of_week "1#2/2"']),
        ("* * * * L", {}, ['day_of_week "L"']),
        ("0 0 31 2 *", {}, ["never comes", 'day "31"', 'month "2"']),
        ("0 0 30 2,2 *", {}, ["never comes"]),
        ("@reboot", {}, ['"@reboot". There are', "@daily"]),
        ("@dayly", {}, ['did you mean "@daily"?']),
        (None, {"minute": "61"}, ['minute "61"']),
        (None, {"minute": ""}, ['minute ""']),
        (None, {"minute": "1, 2"}, ['minute "1, 2"', "without blanks"]),
        (None, {"hour": 24}, ['hour "24"']),
        (None, {"hour": [1, 25]}, ['hour "1,25"']),
        (None, {"hour": True}, ["hour must be"]),
        (None, {"day": None}, ["day must be"]),
        (None, {"second": -1}, ['second "-1"']),
        (None, {"day": 31, "month": "APR,JUN"}, ["never comes", 'month "APR,JUN"']),
        (None, {"timezone": "Europe/Berln"}, ["Europe/Berln", 'did you mean "Europe/Berlin"?']),
        (None, {"timezone": "berlin"}, ['did you mean "Europe/Berlin"?']),
        (None, {"timezone": "Europe"}, ['no time zone "Europe"']),
        (None, {"timezone": "../etc/passwd"}, ["no time zone"]),
        (None, {"timezone": 2}, ["timezone must be", "2"]),
        (None, {"dst": "maybe"}, ['"cron", "skip" or "both"', "maybe"]),
        ("* * * * *", {"minute": 5}, ["not both"]),
        (5, {}, ["crontab(minute=5)"]),
    ],
)
def test_what_it_refuses(text: Any, fields: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        crontab(text, **fields)
    for word in words:
        assert word in str(caught.value)


def test_after_needs_a_time_zone() -> None:
    with pytest.raises(ArgumentError, match="has no time zone"):
        crontab("@daily").next(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ArgumentError, match="must be a datetime"):
        crontab("@daily").next("now")  # type: ignore[arg-type]


def test_the_last_years_there_are() -> None:
    last = crontab("0 0 31 12 *", timezone="Europe/Berlin")
    assert last.next(datetime(9999, 6, 1, tzinfo=UTC)) is None
    assert last.next(datetime(9998, 6, 1, tzinfo=UTC)) == datetime(
        9998, 12, 31, tzinfo=ZoneInfo("Europe/Berlin")
    )
    assert crontab("@hourly").next(datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)) == datetime(
        2038, 1, 19, 4, tzinfo=UTC
    )


def test_equal_rules_are_equal() -> None:
    assert crontab("*/5  * * * *") == crontab(minute="*/5")
    assert crontab("@daily") != crontab("@daily", timezone="Europe/Berlin")
    assert "Europe/Berlin" in repr(crontab("@daily", timezone="Europe/Berlin"))
