"""Every zone, every change of its clock in ten years, against a look at every minute."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import MINUTE, Oracle, transitions

from longshore import crontab
from longshore.cron import Dst

EXPRESSIONS = (
    "30 2 * * *",
    "0 * * * *",
    "*/30 * * * *",
    "0,15,45 1-3 * * *",
    "*/20 2 * * *",
    "0 0 * * *",
    "5 0-23/2 * * *",
    "0 3 1-15 * 0",
    "59 23 * * *",
    "15 1,4 * * 0-6/2",
    "1 0 1,15 */2 *",
    "45 12-14 * 3,4,9-11 *",
)
POLICIES: tuple[Dst, ...] = ("cron", "skip", "both")
BEGIN, END = datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
AROUND = timedelta(hours=4)
ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/Santiago",
    "Antarctica/Troll",
    "Asia/Gaza",
)


@cache
def changes() -> list[tuple[str, datetime]]:
    return [(zone, change) for zone, found in transitions(BEGIN, END).items() for change in found]


def check(expression: str, zone: str, dst: Dst, after: datetime, until: datetime) -> None:
    schedule = crontab(expression, timezone=zone, dst=dst)
    expected = list(Oracle(expression, ZoneInfo(zone), dst).times(after, until))
    found = []
    tick = schedule.next(after)
    while tick is not None and tick.astimezone(UTC) <= until:
        found.append(tick.astimezone(UTC))
        tick = schedule.next(tick)
    assert found == expected, (expression, zone, dst, after)


def around(pairs: Iterable[tuple[str, datetime]], each: int) -> int:
    """Check the changes of the clock, each with so many of the combinations, all in turn; how many were checked."""
    combinations = itertools.cycle(itertools.product(EXPRESSIONS, POLICIES))
    count = 0
    for zone, change in pairs:
        for expression, dst in itertools.islice(combinations, each):
            check(expression, zone, dst, change - AROUND, change + AROUND)
            count += 1
    return count


def test_every_kind_of_change_in_every_zone() -> None:
    """Of the changes of one zone that look alike (its clock, how far it moves), one; with a third of the 36 combinations."""
    kinds = {}
    for zone, change in changes():
        local = change.astimezone(ZoneInfo(zone))
        before = (change - MINUTE).astimezone(ZoneInfo(zone))
        kinds[zone, local.time(), local.utcoffset(), before.utcoffset()] = (zone, change)
    assert around(kinds.values(), 12) > 1500


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_every_change_in_every_zone() -> None:
    assert around(changes(), 36) > 30_000


@pytest.mark.parametrize(("expression", "dst"), list(itertools.product(EXPRESSIONS, POLICIES)))
def test_the_two_nights_in_berlin(expression: str, dst: Dst) -> None:
    for night in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        check(expression, "Europe/Berlin", dst, night, night + timedelta(days=1))


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.integers(1, high).map("*/{}".format),
        st.lists(number, min_size=2, max_size=3).map(lambda some: ",".join(map(str, some))),
    )


TIMES = st.integers(0, int((END - BEGIN) / MINUTE)).map(lambda minute: BEGIN + minute * MINUTE)
FIELDS = st.tuples(_field(0, 59), _field(0, 23), st.just("*"), _field(1, 12), _field(0, 6)).map(" ".join)


@given(FIELDS, st.sampled_from(ZONES), st.sampled_from(POLICIES), TIMES)
def test_any_expression_anywhere(expression: str, zone: str, dst: Dst, after: datetime) -> None:
    found = crontab(expression, timezone=zone, dst=dst).next(after)
    until = after + timedelta(hours=30)
    expected = next(Oracle(expression, ZoneInfo(zone), dst).times(after, until), None)
    if expected is None:
        assert found is None or found.astimezone(UTC) > until
    else:
        assert found is not None
        assert found.astimezone(UTC) == expected


@given(FIELDS, st.sampled_from(ZONES), st.sampled_from(POLICIES), TIMES, st.integers(0, 59_999_999))
def test_next_strictly_increases(expression: str, zone: str, dst: Dst, after: datetime, more: int) -> None:
    schedule = crontab(expression, timezone=zone, dst=dst)
    last = after + timedelta(microseconds=more)
    for _ in range(5):
        tick = schedule.next(last)
        assert tick is not None
        assert tick.astimezone(UTC) > last
        last = tick.astimezone(UTC)
