"""``crontab`` as huey's page has it; what is wrong is refused."""

import datetime
import inspect

import pytest

from longshore.compat.huey.decorators import crontab
from longshore.errors import ConfigError

YEAR = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=n) for n in range(366 * 24)]


def hours(test):
    return {h for h in range(24) if test(datetime.datetime(2024, 5, 6, h))}


def minutes(test):
    return [m for m in range(60) if test(datetime.datetime(2024, 5, 6, 7, m, 59))]


def test_the_order_of_its_arguments():
    assert list(inspect.signature(crontab).parameters) == ["month", "day", "day_of_week", "hour", "minute"]
    assert crontab("5", "6", "*", "7", "8")(datetime.datetime(2024, 5, 6, 7, 8))


def test_a8_its_forms():
    assert hours(crontab(hour="*/4")) == {0, 4, 8, 12, 16, 20}
    assert minutes(crontab(minute="1-3")) == [1, 2, 3]
    assert minutes(crontab(minute="1,3")) == [1, 3]
    assert minutes(crontab(minute="1-3,*/20,59")) == [0, 1, 2, 3, 20, 40, 59]
    assert minutes(crontab(minute=7)) == [7]
    assert minutes(crontab(minute="*/7")) == list(range(0, 57, 7))
    assert all(map(crontab(), YEAR))
    assert {when.day for when in YEAR if crontab(day="*/10")(when)} == {1, 11, 21, 31}
    assert {when.month for when in YEAR if crontab(month="*/5")(when)} == {1, 6, 11}


def test_day_and_day_of_week_both_have_to_match():
    fridays = {when.date() for when in YEAR if crontab(day=13, day_of_week=5)(when)}
    assert fridays == {datetime.date(2024, 9, 13), datetime.date(2024, 12, 13)}
    assert crontab(day_of_week=0)(datetime.datetime(2024, 5, 5))
    assert crontab(day_of_week=7)(datetime.datetime(2024, 5, 5))


@pytest.mark.parametrize(
    "bad",
    ["60", "5-1", "abc", "", " 5", "-5", "5, 6", "1-10/2", "*/20x", "1-3-5", "*/0", None, [1], True, "1-60"],
)
def test_what_it_refuses(bad):
    with pytest.raises(ConfigError, match="minute="):
        crontab(minute=bad)


def test_a_day_that_never_comes():
    with pytest.raises(ConfigError, match="never"):
        crontab(month="2,4", day="31")
    assert crontab(month=2, day=29)(datetime.datetime(2024, 2, 29))
