"""Schedules whose interval a function decides at run time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from stage import NOON, Stage

from longshore import App, ConfigError, every
from longshore.schedules import dump, paced
from longshore.ticks import moment


class Pace:
    """So many seconds after the last tick, by the stage's clock."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self.stage = stage
        self.seconds = seconds
        self.asked: list[datetime] = []

    def __call__(self, last: datetime) -> float:
        self.asked.append(last)
        return last.timestamp() + self.seconds - self.stage.clock()


def paced_task(stage: Stage, seconds: float, **options: object) -> Pace:
    pace = Pace(stage, seconds)

    @stage.app.periodic(paced(pace), name="tidy", **options)  # type: ignore[arg-type]
    def tidy() -> None: ...

    return pace


def test_one_tick_after_each_tick_for_all_workers(stage: Stage) -> None:
    pace = paced_task(stage, 60)
    stage.start(3)
    for _ in range(20):
        stage.look(10)
        stage.clock.move(0.01)
        for ticker in stage.tickers:  # each a moment later than the one before
            ticker.step()
            stage.clock.move(0.01)
    assert len(stage.times()) == 3
    assert stage.times() == pytest.approx([61, 121, 181], abs=2)
    pace.seconds = 5
    for _ in range(10):
        stage.look(1)
    assert len(stage.times()) in (5, 6), "the interval is decided at run time"


def test_a_slow_worker_that_writes_an_old_cursor_doubles_nothing(stage: Stage) -> None:
    paced_task(stage, 60)
    stage.start(2)
    stage.look(61)
    old = stage.app.schedules.kept().cursors["tidy"]
    stage.look(61)
    assert len(stage.jobs()) == 2
    stage.app.schedules.save({"tidy": old})
    for _ in range(3):
        stage.look(1)
    assert len(stage.jobs()) == 2
    assert stage.app.schedules.kept().cursors["tidy"].last == pytest.approx(stage.jobs()[-1].run_at, abs=0.01)


def test_one_run_for_any_number_of_missed_ones(stage: Stage) -> None:
    paced_task(stage, 60)
    stage.start(2)
    stage.look(3600)
    stage.look(1)
    assert len(stage.times()) == 1


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_overlap_and_pause(stage: Stage, overlap: str) -> None:
    paced_task(stage, 60, overlap=overlap)
    stage.start(2)
    for _ in range(5):
        stage.look(61)
    assert len(stage.jobs()) == 1
    stage.work()
    stage.look(61)
    assert len(stage.jobs()) == 2
    stage.work()
    stage.app.schedules.pause("tidy")
    stage.look(600)
    stage.app.schedules.resume("tidy")
    stage.look(30)
    assert len(stage.jobs()) == 2, "what was paused is not made up for"
    stage.look(31)
    assert len(stage.jobs()) == 3


def test_what_is_told_of_it(stage: Stage) -> None:
    paced_task(stage, 60)
    stage.start()
    planned = stage.app.schedules.list()["tidy"]
    now = moment(stage.clock())
    assert planned.next(now) == pytest.approx(now + timedelta(seconds=59), abs=timedelta(seconds=2))
    assert planned.entry.text == "when Pace says"
    assert len(list(planned.upcoming(NOON))) == 1


def test_what_cannot_be() -> None:
    app = App("memory://")
    schedule = paced(lambda last: 60)
    with pytest.raises(ConfigError, match="takes a function"):
        paced(60)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot be stored"):
        dump(schedule)
    with pytest.raises(ConfigError, match="cannot be stored"):
        app.schedules.put("x", schedule, app.task(name="t")(lambda: 1))
    for joined in (lambda: schedule | every(60), lambda: every(60) | schedule, lambda: schedule.excluding()):
        with pytest.raises(ConfigError):
            joined()
    with pytest.raises(ConfigError, match="only the present"):
        schedule.next(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match="gave must be"):
        paced(lambda last: "soon").wait(NOON)  # type: ignore[attr-defined, arg-type, return-value]
