"""The ticker, round by round: each tick once, whoever looks, whatever the clock does."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import NOON, Stage

from longshore import App, Context, Middleware, at, crontab, every
from longshore.errors import StoreUnavailable
from longshore.model import Where
from longshore.testing.clock import Clock
from longshore.testing.waiting import until
from longshore.ticks import CatchUp, Cursor
from longshore.worker.ticker import Ticker
from servers import postgres
from servers.shared import in_namespace

HOUR = 3600.0


def minutely(stage: Stage, **options: Any) -> list[Any]:
    """A task that runs each minute, and what it saw."""
    seen: list[Any] = []

    @stage.app.periodic(every(60, anchor=NOON), name="tidy", **options)
    def tidy(ctx: Context) -> None:
        seen.append(ctx.tick)

    return seen


def test_each_tick_once_for_all_workers(stage: Stage) -> None:
    seen = minutely(stage)
    stage.start(3)
    for _ in range(20):
        stage.look(13)
    assert stage.times() == [60, 120, 180, 240]
    stage.work()
    assert seen == [NOON + timedelta(minutes=n) for n in (1, 2, 3, 4)]
    assert stage.jobs()[0].headers is not None


def test_it_says_when_to_look_again(stage: Stage) -> None:
    minutely(stage)
    stage.start()
    stage.clock.set(NOON.timestamp() + 58.5)
    assert 1.5 <= stage.tickers[0].step() < 1.6
    stage.clock.set(NOON.timestamp() + 30)
    assert stage.tickers[0].step() == 2.0


def test_a_worker_killed_before_it_wrote_how_far_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    minutely(stage)
    stage.start()

    def fail(cursors: object) -> None:
        raise StoreUnavailable("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.schedules, "save", fail)
        with pytest.raises(StoreUnavailable):
            stage.look(60)
    assert stage.times() == [60]
    stage.tickers.clear()
    stage.start()
    assert stage.times() == [60]


def test_a_worker_killed_before_it_stored_the_job(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    minutely(stage)
    stage.start()

    def fail(*_: object) -> None:
        raise StoreUnavailable("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(stage.app.store, "add", fail)
        with pytest.raises(StoreUnavailable):
            stage.look(60)
    assert stage.times() == []
    stage.look()
    assert stage.times() == [60]


def test_retention_does_not_bring_old_ticks_back(stage: Stage) -> None:
    minutely(stage, keep=0, catch_up="all")
    stage.start(2)
    stage.look(61)
    stage.work()
    stage.clock.move(HOUR)
    for job in stage.jobs():
        assert stage.app.store.delete([job.id])
    stage.clock.move(-HOUR + 10)
    stage.tickers.clear()
    stage.start(2)
    assert stage.times() == []


def test_jobs_of_ticks_are_kept_ten_minutes_at_least(stage: Stage) -> None:
    minutely(stage, keep=0)
    stage.start()
    stage.look(61)
    assert [job.keep for job in stage.jobs()] == [600]


def test_a_slow_worker_cannot_turn_the_others_back(stage: Stage) -> None:
    minutely(stage)
    stage.start(2)
    stage.look(60)
    old = stage.app.schedules.kept().cursors
    stage.look(60)
    stage.app.schedules.save(old)
    for job in stage.jobs():
        assert stage.app.jobs.cancel(job.id) == "cancelled"
    stage.app.store.delete([job.id for job in stage.jobs()])
    stage.look(1)
    assert stage.times() == []
    stage.look(59)
    assert stage.times() == [180]


@pytest.mark.parametrize(
    ("catch_up", "bound", "expected"),
    [
        ("none", None, []),
        ("latest", None, [300]),
        ("all", None, [60, 120, 180, 240, 300]),
        ("all", 2, [240, 300]),
        ("all", timedelta(seconds=100), [240, 300]),
    ],
)
def test_catch_up_after_downtime(stage: Stage, catch_up: str, bound: object, expected: list[float]) -> None:
    minutely(stage, catch_up=catch_up, bound=bound)
    stage.start(2)
    stage.tickers.clear()
    stage.clock.set(NOON.timestamp() + 330)
    stage.start(2)
    assert stage.times() == expected
    stage.look(5)
    assert stage.times() == expected
    stage.look(25)
    assert stage.times() == [*expected, 360]


@pytest.mark.parametrize(
    ("url", "catch_up", "expected"),
    [("memory", "none", 1), ("memory", "latest", 1), ("memory", "all", 7), ("postgresql", "latest", 1)],
    indirect=["url"],
)
@pytest.mark.usefixtures("at_once")
def test_a_short_time_without_workers_is_downtime_too(url: str, catch_up: CatchUp, expected: int) -> None:
    clock = Clock(NOON.timestamp())
    app = App(url, clock=clock)

    @app.periodic(every(1), catch_up=catch_up)
    def second() -> None: ...

    def looked(count: int) -> Callable[[], bool]:
        return lambda: len(app.store.find(Where(task=second.name), 100)) == count

    with app.worker() as worker:
        until(lambda: worker.ticker.ready, "a look at the schedule")
        clock.move(2)
        worker.ticker.changed()
        until(looked(2), "the first ticks")
    clock.move(7)
    with app.worker() as worker:
        until(lambda: worker.ticker.ready, "a look after that")
        until(looked(2 + expected), f"{expected} jobs for seven seconds away")
        with app.worker() as other:  # not alone: nothing was missed meanwhile
            until(lambda: other.ticker.ready, "a look of another one")
            clock.move(3)
            other.ticker.changed()
            until(looked(5 + expected), "three more")
    app.close()


@pytest.mark.parametrize("step", [HOUR, 5 * HOUR, 87_600 * HOUR])
def test_a_clock_set_forward_is_no_storm(stage: Stage, step: float) -> None:
    minutely(stage)
    stage.start(2)
    stage.look(60)
    stage.look(step)
    stage.look(60)
    assert stage.times() == [60, 60 + step, 120 + step]


@pytest.mark.parametrize("step", [HOUR, 5 * HOUR, 87_600 * HOUR])
def test_a_clock_set_back_is_no_silence_for_what_follows_time(stage: Stage, step: float) -> None:
    minutely(stage)
    stage.start(3)
    stage.look(60)
    stage.look(-step)
    stage.look(60)
    stage.look(60)
    assert sorted(stage.times()) == sorted([60, 121 - step // 60 * 60 - 1, 181 - step // 60 * 60 - 1])
    assert len({job.id for job in stage.jobs()}) == 3


def test_a_clock_set_back_a_little_is_waited_for(stage: Stage) -> None:
    minutely(stage)
    stage.start(2)
    stage.look(60)
    for _ in range(3):
        stage.look(-10)
    assert stage.times() == [60]
    stage.look(90)
    assert stage.times() == [60, 120]


def test_what_names_a_time_of_day_runs_once_when_the_clock_is_set_back(stage: Stage) -> None:
    ran = []

    @stage.app.periodic(crontab("30 12 * * *"))
    def daily(ctx: Context) -> None:
        ran.append(ctx.tick)

    stage.start(2)
    stage.look(1800)
    stage.look(-HOUR)
    for _ in range(8):
        stage.look(HOUR / 4)
    assert stage.times() == [1800]
    # So far back that the clock must have been wrong: what ran then did not run at its time.
    stage.look(-20 * HOUR)
    assert len(stage.jobs()) == 1
    stage.look(24 * HOUR)
    assert len(stage.jobs()) == 2


HAPPENINGS = st.lists(st.tuples(st.sampled_from(["look", "kill", "jump"]), st.floats(0, 90)), max_size=25)


@settings(max_examples=25, deadline=None)
@given(HAPPENINGS)
def test_whatever_happens_no_tick_is_doubled_or_lost(happens: list[tuple[str, float]]) -> None:
    whatever_happens(Stage("memory://"), happens)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(HAPPENINGS)
def test_whatever_happens_on_any_store(url: str, happens: list[tuple[str, float]]) -> None:
    whatever_happens(Stage(fresh(url)), happens)


def fresh(url: str) -> str:
    """Another place on the same store, for one more example."""
    token = secrets.token_hex(8)
    if url.startswith("sqlite:"):
        return url.replace("jobs.db", f"{token}.db")
    if url.startswith("postgres"):
        return postgres.place(f"t{token}")
    return url if url == "memory://" else in_namespace(token)


def whatever_happens(stage: Stage, happens: list[tuple[str, float]]) -> None:
    """Two workers, one of them replaced now and then, and a clock that is also set back by up to 45 s."""
    minutely(stage, catch_up="all", bound=1000)
    stage.start(2)
    top = stage.clock()
    for what, amount in happens:
        if what == "kill":
            stage.tickers.pop(0)
            stage.tickers.append(Ticker(stage.app.store, stage.app.schedules, stage.app.tasks, lambda: None))
        elif what == "jump":
            stage.clock.set(max(stage.clock() - amount / 2, top - 45))
        else:
            stage.look(amount)
            top = max(top, stage.clock())
    assert stage.times() == [60.0 * n for n in range(1, int((top - NOON.timestamp()) // 60) + 1)]
    stage.app.close()


# -- overlap ---------------------------------------------------------------------------------------------------------


def test_overlap_allow(stage: Stage) -> None:
    minutely(stage)
    stage.start(2)
    for _ in range(3):
        stage.look(60)
    assert [job.state for job in stage.jobs()] == ["queued"] * 3


@pytest.mark.parametrize("overlap", ["skip", False])
def test_overlap_skip(stage: Stage, overlap: object) -> None:
    minutely(stage, overlap=overlap)
    stage.start(2)
    for _ in range(3):
        stage.look(60)
    assert stage.times() == [60]
    stage.work()
    stage.look(1)
    assert stage.times() == [60]
    stage.look(60)
    assert stage.times() == [60, 240]


def test_overlap_queue_keeps_one_waiting(stage: Stage) -> None:
    minutely(stage, overlap="queue")
    stage.start(2)
    for _ in range(4):
        stage.look(60)
    assert stage.times() == [60]
    stage.work()
    stage.look(1)
    # The first that had to wait, although it is long past by now; the others found the place taken.
    assert stage.times() == [60, 120]
    stage.work()
    stage.look(1)
    assert stage.times() == [60, 120]
    stage.look(60)
    assert stage.times() == [60, 120, 300]


def test_what_waits_survives_a_restart(stage: Stage) -> None:
    minutely(stage, overlap="queue", catch_up="none")
    stage.start(2)
    stage.look(60)
    stage.look(60)
    stage.tickers.clear()
    stage.work()
    stage.clock.move(HOUR)
    stage.start(2)
    assert stage.times() == [60, 120]


def test_overlap_asks_a_function_of_the_arguments(stage: Stage) -> None:
    answers = {"big": "skip", "small": True}
    asked = []

    def overlap(size: str) -> object:
        asked.append(size)
        return answers[size]

    @stage.app.task
    def clean(size: str) -> None: ...

    for size in answers:
        stage.app.periodic(every(60, anchor=NOON), name=size, args=(size,), overlap=overlap)(clean)
    stage.start()
    assert asked == []
    for _ in range(3):
        stage.look(60)
    assert len(stage.jobs()) == 1 + 3
    assert set(asked) == {"big", "small"}


def test_the_tasks_own_unique_key_counts(stage: Stage) -> None:
    @stage.app.periodic(every(60, anchor=NOON), unique=True)
    def once() -> None: ...

    by_hand = once.enqueue()
    stage.start()
    stage.look(60)
    assert [job.id for job in stage.jobs()] == [by_hand.id]


# -- more than one of them -------------------------------------------------------------------------------------------


def test_a_broken_function_stops_nobody_else(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    minutely(stage)
    broken = [True]

    @stage.app.periodic(lambda when: 1 // (not broken[0]), catch_up="all")  # type: ignore[arg-type,return-value]
    def odd() -> None: ...

    stage.start()
    stage.look(60)
    stage.look(60)
    assert stage.times() == [60, 120]
    assert sum("cannot be told" in record.message for record in caplog.records) == 1
    broken[0] = False
    stage.look(1)
    assert sorted(stage.times()) == [60, 60, 120, 120]


def test_middleware_sees_the_jobs_of_ticks(stage: Stage) -> None:
    class Refuses(Middleware):
        refusing = True

        def enqueueing(self, request: Any) -> Any:
            if self.refusing:
                raise ValueError("not today")
            return request

    refuses = Refuses()
    stage.app.middleware = (refuses,)
    minutely(stage, catch_up="all")
    stage.start()
    stage.look(60)
    assert stage.times() == []
    Refuses.refusing = False
    stage.look(60)
    assert stage.times() == [60, 120]


def test_two_apps_with_different_rules_for_one_name(stage: Stage, url: str) -> None:
    if url == "memory://":
        other = Stage(url, stage.clock)
        other.app._store = stage.app._store
    else:
        other = Stage(url, stage.clock)
    for one, period in ((stage, 60), (other, 90)):

        @one.app.periodic(every(period, anchor=NOON), name="tidy")
        def tidy() -> None: ...

    stage.start(2)
    for _ in range(6):
        stage.look(30)
        other.look()
    assert stage.times() == [60, 120, 180]
    # A deployment: the newer one registers its rule, and both follow it.
    other.start(2)
    for _ in range(12):
        stage.look(30)
        other.look()
    assert stage.times() == [60, 120, 180, 270, 360, 450, 540]
    other.app.close()


def test_a_machine_suspended_in_the_middle_of_a_round(stage: Stage) -> None:
    """What was planned before is planned anew: meanwhile others did it, and retention took it away."""

    def sleep(request: Any) -> None:
        """Between planning and storing: the machine sleeps; another worker's job of this tick comes and goes."""
        if sleeping.pop():
            [sleeper], stage.tickers = stage.tickers, []
            stage.start()
            stage.work()
            assert stage.app.store.delete([job.id for job in stage.jobs()])
            stage.clock.move(HOUR)
            stage.tickers = [sleeper]

    class Sleeps(Middleware):
        def enqueueing(self, request: Any) -> Any:
            sleep(request)
            return request

    sleeping = [False, False, True]
    stage.app.middleware = (Sleeps(),)
    minutely(stage, catch_up="none")
    stage.start()
    stage.look(60)
    assert stage.times() == []
    sleeping.append(False)
    stage.look(60 - 1 - 1)
    assert stage.times() == [HOUR + 120]


def test_dates_come_once(stage: Stage) -> None:
    @stage.app.periodic(at(NOON + timedelta(minutes=1), NOON - timedelta(minutes=1)))
    def once() -> None: ...

    stage.start(2)
    for _ in range(5):
        stage.look(30)
    assert stage.times() == [60]


def test_start_now_is_once_for_all_workers_and_restarts(stage: Stage) -> None:
    @stage.app.periodic(every(60, start_now=True))
    def soon() -> None: ...

    stage.start(3)
    assert stage.times() == [0]
    stage.tickers.clear()
    stage.start(3)
    stage.look(58)
    assert stage.times() == [0, 60]


def test_two_workers_that_register_at_once_agree(stage: Stage) -> None:
    """Both read that there is nothing yet; the second writes over the first, some milliseconds later."""

    @stage.app.periodic(every(60, start_now=True), name="soon")
    def soon() -> None: ...

    stage.start(0)
    stage.app.schedules.register()
    stage.tickers = [
        Ticker(stage.app.store, stage.app.schedules, stage.app.tasks, lambda: None) for _ in "ab"
    ]
    stage.look()
    stage.clock.move(0.05)
    stage.app.store.drop("schedule", "soon")
    stage.app.schedules.register()
    stage.look()
    stage.look(1)
    assert stage.times() == pytest.approx([1.05])


def test_what_is_remembered(stage: Stage) -> None:
    minutely(stage)
    stage.start(2)
    stage.look(60)
    noon = NOON.timestamp()
    assert stage.app.schedules.kept().cursors == {"tidy": Cursor(noon + 60, noon)}
    assert stage.app.store.find(Where(task="tidy"), 5)[0].created_at == noon + 61


def test_the_clock_fixture_moves() -> None:
    clock = Clock(5.0)
    assert clock.move(2) == clock() == 7.0


def test_workers_tick_only_what_their_code_declares_or_knows(stage: Stage) -> None:
    minutely(stage)
    stage.start(1)
    stage.app.task(name="mine")(lambda: None)
    stage.app.schedules.put("put", every(60, anchor=NOON), "mine")
    stage.tickers.clear()
    stage.clock.move(300)
    app = App("memory://", clock=stage.clock)
    app._store = stage.app.store
    other = Ticker(app.store, app.schedules, app.tasks, lambda: None)
    other.step()
    app.task(name="tidy")(lambda: None)
    other.step()
    assert stage.times() == []
    app.task(name="mine")(lambda: None)
    other.step()
    assert [job.task for job in stage.jobs()] == ["mine"]
