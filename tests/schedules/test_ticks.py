"""Which ticks become jobs: catch-up, bounds, overlap, ids, clocks that jump. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore import at, crontab, every
from longshore.schedules import as_schedule
from longshore.ticks import GRACE, MOST, Bound, CatchUp, Cursor, advanced, begin, due, rewound, tick_id

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
MINUTELY = every(60, anchor=NOON)


def minutes(catch_up: CatchUp, bound: Bound, away: timedelta, late: timedelta = SECOND) -> list[float]:
    """The ticks made up for after being away until ``late`` after a minute; in minutes before it."""
    found = due(MINUTELY, NOON - away, NOON + late, catch_up, bound)
    return [(NOON - tick) / MINUTE for tick in found]


@pytest.mark.parametrize(
    ("catch_up", "bound", "late", "expected"),
    [
        ("none", None, SECOND, [0]),
        ("none", None, 30 * SECOND, []),
        ("latest", None, SECOND, [0]),
        ("latest", None, 30 * SECOND, [0]),
        ("latest", 5, 30 * SECOND, [0]),
        ("latest", 20 * SECOND, 30 * SECOND, []),
        ("latest", 40 * SECOND, 30 * SECOND, [0]),
        ("all", 3, SECOND, [3, 2, 1, 0]),
        ("all", 3, 30 * SECOND, [2, 1, 0]),
        ("all", 2 * MINUTE, 30 * SECOND, [1, 0]),
        ("all", 2 * MINUTE, SECOND, [1, 0]),
    ],
)
def test_catch_up(catch_up: CatchUp, bound: Bound, late: timedelta, expected: list[float]) -> None:
    assert minutes(catch_up, bound, HOUR, late) == expected


def test_all_without_a_bound_has_one() -> None:
    assert minutes("all", None, DAY, 30 * SECOND) == list(range(MOST - 1, -1, -1))


def test_short_absences_are_no_catching_up() -> None:
    secondly = every(1, anchor=NOON)
    for catch_up in ("none", "latest", "all"):
        found = due(secondly, NOON, NOON + GRACE, catch_up)
        assert found == [NOON + n * SECOND for n in range(1, 11)]


def test_after_an_absence_the_newest_alone_is_on_time() -> None:
    secondly, now = every(1, anchor=NOON), NOON + 5.5 * SECOND
    for catch_up, bound, expected in (
        ("none", None, [5]),
        ("latest", None, [5]),
        ("all", None, [1, 2, 3, 4, 5]),
        ("all", 2, [3, 4, 5]),
        ("all", 3 * SECOND, [3, 4, 5]),
    ):
        found = due(secondly, NOON, now, catch_up, bound, resumed=True)  # type: ignore[arg-type]
        assert found == [NOON + n * SECOND for n in expected], (catch_up, bound)
    assert due(MINUTELY, NOON, NOON + 30 * SECOND, "latest", resumed=True) == []
    assert due(MINUTELY, NOON - HOUR, NOON + 30 * SECOND, "none", resumed=True) == []
    assert due(MINUTELY, NOON - HOUR, NOON + 30 * SECOND, "latest", resumed=True) == [NOON]


def test_a_clock_ten_years_ahead_costs_little() -> None:
    asked = []
    often = every(1, anchor=NOON)
    last = NOON - 3650 * DAY
    assert len(due(often, last, NOON, "all", 50)) == 60
    assert len(due(often, last, NOON, "latest")) == 10
    rare = crontab("0 0 29 2 *", timezone="Europe/Berlin")
    assert [tick.year for tick in due(rare, last, NOON, "latest")] == [2024]
    assert [tick.year for tick in due(rare, last, NOON, "all")] == [2020, 2024]

    def noon(when: datetime) -> bool:
        asked.append(when)
        return when.hour == 12

    assert len(due(as_schedule(noon), NOON - 30 * DAY, NOON + HOUR, "latest")) == 1
    assert len(asked) < 1000


def test_a_clock_that_went_back_gives_nothing() -> None:
    assert due(MINUTELY, NOON, NOON - HOUR, "all") == []
    assert due(MINUTELY, NOON, NOON, "all") == []


@given(st.floats(0, 400), st.lists(st.floats(0, 40), min_size=1, max_size=20))
def test_looks_at_any_times_find_every_tick_once(begun: float, steps: list[float]) -> None:
    """Whatever the rounds are: with ``all``, each tick comes exactly once, in order."""
    last = now = NOON + begun * SECOND
    found: list[datetime] = []
    for step in steps:
        now += step * SECOND
        ticks = due(every(7, anchor=NOON), last, now, "all", 1000)
        found += ticks
        last = max([last, *ticks])
    assert found == due(every(7, anchor=NOON), NOON + begun * SECOND, now, "all", 1000)


def test_ids_are_valid_and_sort_by_the_ticks_time() -> None:
    stamps = [1.5, 1_700_000_000.0, 1_700_000_000.001, 1_700_000_001.0, 4e9]
    ids = [tick_id("tidy", stamp) for stamp in stamps]
    assert ids == sorted(ids)
    for one in ids:
        assert len(one) == 32
        assert (UUID(hex=one).version, UUID(hex=one).variant) == (8, "specified in RFC 4122")
    assert tick_id("tidy", 5.0) == tick_id("tidy", 5.0)
    others = [
        tick_id("tidy", 5.0, 1),
        tick_id("tidier", 5.0),
        tick_id("tidy", 5.000001),
        tick_id("tidy", 5.0),
    ]
    assert len(set(others)) == 4


def test_a_clock_set_back() -> None:
    cursor = Cursor(last=10_000.0, since=1.0)
    wild, fixed = crontab("*/5 * * * *"), crontab("30 2 * * *")
    for schedule in (wild, fixed, MINUTELY, at(NOON)):
        assert rewound(schedule, cursor, 10_001.0) is None
        assert rewound(schedule, cursor, 9_950.0) is None
    for schedule in (wild, MINUTELY, as_schedule(lambda when: True)):
        assert rewound(schedule, cursor, 9_900.0) == Cursor(9_900.0, 1.0, 1)
    for schedule in (fixed, at(NOON), fixed | MINUTELY):
        assert rewound(schedule, cursor, 9_900.0) is None
        assert rewound(schedule, Cursor(20_000.0, 1.0, 4), 5_000.0) == Cursor(5_000.0, 1.0, 5)


def test_what_was_refused_waits_only_in_a_queue() -> None:
    cursor = Cursor(1.0, 0.0, 0, None)
    assert advanced(cursor, [2.0, 3.0, 4.0], [True, False, False], "queue") == Cursor(4.0, 0.0, 0, 3.0)
    assert advanced(cursor, [2.0, 3.0], [True, True], "queue") == Cursor(3.0, 0.0, 0, None)
    assert advanced(cursor, [2.0, 3.0], [True, False], "skip") == Cursor(3.0, 0.0, 0, None)
    waiting = Cursor(4.0, 0.0, 0, 3.0)
    assert advanced(waiting, [3.0, 5.0], [False, False], "queue") == Cursor(5.0, 0.0, 0, 3.0)
    assert advanced(waiting, [3.0, 5.0], [True, False], "queue") == Cursor(5.0, 0.0, 0, 5.0)


def test_the_beginning() -> None:
    assert begin(every(60), 100.0) == Cursor(100.0, 100.0)
    assert begin(every(60, start_now=True), 100.0).last < 100.0
    assert begin(every(60), 100.0, Cursor(50.0, 20.0, 3, 50.0)) == Cursor(100.0, 100.0, 3)
