"""``@app.periodic`` and ``app.schedules``, with workers that run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from longshore import App, ArgumentError, ConfigError, Context, TaskError, at, crontab, every
from longshore.testing.clock import Clock
from longshore.testing.waiting import until

pytestmark = pytest.mark.usefixtures("at_once")

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Ticks:
    """Counts runs, and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._more = threading.Condition()

    def __call__(self, what: Any = None) -> None:
        with self._more:
            self.seen.append(what)
            self._more.notify_all()

    def wait(self, more: int = 1, timeout: float = 20) -> None:
        with self._more:
            aim = len(self.seen) + more
            assert self._more.wait_for(lambda: len(self.seen) >= aim, timeout), self.seen


# -- in code ---------------------------------------------------------------------------------------------------------


def test_a_function_runs_by_itself_and_stays_callable(app: App) -> None:
    ticks = Ticks()

    @app.periodic(every(0.1))
    def tidy(ctx: Context, what: str = "all") -> str:
        ticks((ctx.schedule, ctx.tick, what))
        return what

    assert tidy(what="here") == "here"
    assert ticks.seen.pop()[0] is None
    assert tidy.schedule.next(NOON) == NOON + timedelta(seconds=0.1)
    assert tidy.periodic
    with app.worker():
        ticks.wait(3)
        assert tidy.enqueue("by hand").result(timeout=10) == "by hand"
    names, times, words = zip(*(seen for seen in ticks.seen if seen[1] is not None), strict=True)
    assert set(names) == {tidy.name}
    assert set(words) == {"all"}
    assert list(times) == sorted(set(times))


async def test_a_coroutine_runs_in_the_callers_loop(app: App) -> None:
    ticks = Ticks()

    @app.periodic(every(0.1))
    async def tidy() -> None:
        ticks()

    async with app.worker():
        await asyncio.to_thread(ticks.wait, 2)


def test_one_task_several_schedules(app: App) -> None:
    @app.task
    def report(month: str) -> None: ...

    same = app.periodic(crontab("0 6 * * *"), args=("this",), name="early")(report)
    app.periodic(crontab("0 18 * * *"), kwargs={"month": "last"}, name="late")(report)
    assert same is report
    assert [report.schedule.next(NOON), report.schedule.next(NOON + timedelta(hours=6))] == [
        NOON + timedelta(hours=6),
        NOON + timedelta(hours=18),
    ]
    assert set(app.schedules.list()) == {"early", "late"}


def test_task_options_and_the_name_go_to_the_task(app: App) -> None:
    @app.periodic(crontab("@daily"), name="nightly", queue="slow", priority=-5, retry=3)
    def job() -> None: ...

    assert job.name == "nightly"
    assert (job.options.queue, job.options.priority) == ("slow", -5)
    assert app.schedules.trigger("nightly").queue == "slow"


def test_browsing_by_kind(app: App) -> None:
    @app.periodic(crontab("@daily"))
    def nightly() -> None: ...

    @app.task
    def plain() -> None: ...

    assert app.tasks.periodic() == {nightly.name: nightly}
    assert app.tasks.regular() == {plain.name: plain}
    assert dict(app.tasks) == {nightly.name: nightly, plain.name: plain}
    assert not App("memory://").tasks.periodic()
    with pytest.raises(AttributeError, match="has no schedule"):
        _ = plain.schedule


def test_classes_with_an_abstract_base(app: App) -> None:
    ran = Ticks()

    class Cleaner:
        abstract = True
        queue = "cleaning"
        priority = 3

        def folder(self) -> str:
            raise NotImplementedError

        def __call__(self, deep: bool = False) -> str:
            ran(self.folder())
            return f"{self.folder()} {deep}"

    @app.periodic(every(0.1))
    class CleanTemp(Cleaner):
        priority = 7

        def folder(self) -> str:
            return "temp"

    @app.task
    class CleanCache(Cleaner):
        def folder(self) -> str:
            return "cache"

    assert CleanTemp.options.queue == CleanCache.options.queue == "cleaning"
    assert (CleanTemp.options.priority, CleanCache.options.priority) == (7, 3)
    assert CleanTemp() == "temp False"
    with app.worker():
        ran.wait(2)
        assert CleanCache.enqueue(deep=True).result(timeout=10) == "cache True"
    assert app.tasks.periodic() == {CleanTemp.name: CleanTemp}
    for decorate in (app.task, app.periodic(every(60), name="other")):
        with pytest.raises(TaskError, match="abstract: decorate the classes that inherit"):
            decorate(Cleaner)


def test_an_abc_is_an_abstract_base(app: App) -> None:
    class Base(ABC):
        @abstractmethod
        async def __call__(self, n: int) -> int: ...

    with pytest.raises(TaskError, match="abstract"):
        app.task(Base)

    @app.task
    class Double(Base):
        async def __call__(self, n: int) -> int:
            return 2 * n

    with app.worker():
        assert Double.enqueue(4).result(timeout=10) == 8  # type: ignore[call-arg,attr-defined,unused-ignore]


@pytest.mark.parametrize(
    ("decorate", "error", "words"),
    [
        (lambda app: app.periodic("* * * * *"), ConfigError, "write crontab"),
        (lambda app: app.periodic(60), ConfigError, "write every"),
        (lambda app: app.periodic(every(60), catch_up="some"), ConfigError, "catch_up"),
        (lambda app: app.periodic(every(60), overlap="never"), ConfigError, "overlap must be"),
        (lambda app: app.periodic(every(60), bound=0), ConfigError, "bound must be"),
        (lambda app: app.periodic(every(60), bound=5.5), ConfigError, "bound must be"),
        (lambda app: app.periodic(every(60), bound=timedelta(0)), ConfigError, "bound must be"),
        (lambda app: app.periodic(every(60), args=("too", "many")), ArgumentError, "argument"),
        (lambda app: app.periodic(every(60), name="no blanks"), ConfigError, "no blanks"),
        (lambda app: app.periodic(every(60), que="x"), TaskError, 'did you mean "queue"'),
    ],
)
def test_what_cannot_be_is_told_where_it_is_written(
    decorate: Callable[[App], Any], error: type[Exception], words: str
) -> None:
    app = App("memory://")

    def tidy(what: str = "") -> None: ...

    with pytest.raises(error, match=words):
        decorate(app)(tidy)
    # Nothing is left behind: it can be written again, better.
    app.periodic(every(60))(tidy)
    with pytest.raises(TaskError, match="is taken"):
        app.periodic(every(60))(tidy)


def test_a_second_schedule_needs_a_name(app: App) -> None:
    @app.periodic(every(60))
    def tidy() -> None: ...

    with pytest.raises(ConfigError, match=r"already.*name="):
        app.periodic(every(90))(tidy)
    with pytest.raises(TaskError, match=r"give queue where it is made"):
        app.periodic(every(90), name="b", queue="x")(tidy)
    with pytest.raises(TaskError, match="another app"):
        App("memory://").periodic(every(90))(tidy)


# -- at run time -----------------------------------------------------------------------------------------------------


def test_put_pause_resume_trigger_remove_seen_by_a_running_worker(app: App) -> None:
    ticks = Ticks()

    @app.task
    def note(what: str) -> None:
        ticks(what)

    schedules = app.schedules
    with app.worker():
        planned = schedules.put("often", every(0.1), note, args=("tick",), queue="other")
        assert (planned.key, planned.task, planned.paused) == ("often", note.name, None)
        ticks.wait(2)
        assert schedules.pause("often").paused is not None
        drained(app)
        before = len(ticks.seen)
        job = schedules.trigger("often")
        job.wait(10)
        assert job.queue == "other"
        assert len(ticks.seen) == before + 1
        assert schedules.resume("often").paused is None
        ticks.wait(2)
        schedules.put("often", every(0.1), note, args=("changed",))
        until(lambda: "changed" in ticks.seen, "the change")
        assert schedules.remove("often")
        assert not schedules.remove("often")
        assert schedules.get("often") is None
        drained(app)
    assert set(ticks.seen) == {"tick", "changed"}


def drained(app: App) -> None:
    """What was asked for is seen by the worker: wait until a change made after it is."""
    if "seen" not in app.tasks:
        app.task(name="seen")(lambda: None)
    app.schedules.put("seen", every(3600, start_now=True), "seen")
    until(
        lambda: any(job.task == "seen" and job.state == "succeeded" for job in app.jobs.find(limit=50)),
        "a look",
    )
    app.schedules.remove("seen")


def test_what_is_put_is_kept_across_restarts(url: str) -> None:
    if url == "memory://":
        return
    apps = [App(url), App(url)]
    for app in apps:
        app.task(name="note")(lambda: None)
    apps[0].schedules.put("daily", crontab("@daily") | at(NOON), "note", catch_up="all", bound=5, priority=3)
    apps[0].schedules.pause("daily")
    apps[0].close()
    [found] = apps[1].schedules.list().values()
    assert found.schedule == crontab("@daily") | at(NOON)
    assert found.paused is not None
    assert (found.entry.catch_up, found.entry.most, found.entry.options) == ("all", 5, {"priority": 3})
    assert found.next(NOON) is None
    assert apps[1].schedules.resume("daily").next(datetime.now(UTC)) is not None
    apps[1].close()


def test_the_same_rule_goes_on_where_it_was_another_begins_anew(app: App) -> None:
    app.task(name="note")(lambda: None)
    first = app.schedules.put("a", every(60), "note")
    same = app.schedules.put("a", every(60), "note", priority=1)
    other = app.schedules.put("a", every(61), "note")
    assert first.entry.since == same.entry.since < other.entry.since


@pytest.mark.parametrize(
    ("put", "error", "words"),
    [
        (lambda s, t: s.put("tidy", every(60), t), ConfigError, "declared in code"),
        (lambda s, t: s.put("x", lambda when: True, t), ConfigError, "cannot be stored"),
        (lambda s, t: s.put("x", every(60), t, overlap=lambda: True), ConfigError, "cannot be stored"),
        (lambda s, t: s.put("x", every(60), "tiddy"), ConfigError, 'no task "tiddy"; did you mean'),
        (lambda s, t: s.put("x", every(60), t, args=(1,)), ArgumentError, "tidy"),
        (lambda s, t: s.put("x", every(60), t, delay=5), ConfigError, "delay"),
        (lambda s, t: s.put("x", every(60), t, que="a"), ArgumentError, "queue"),
        (lambda s, t: s.put("x", every(60), t.call(), priority=1), ConfigError, "already"),
        (lambda s, t: s.put("x y", every(60), t), ConfigError, "name"),
        (lambda s, t: s.put("x", every(60), App("memory://").task(lambda: 1, name="tidy")), ConfigError, "not a task of"),
        (lambda s, t: s.pause("tidyy"), ConfigError, 'no schedule "tidyy"; did you mean "tidy"'),
        (lambda s, t: s.resume("x"), ConfigError, "no schedule"),
        (lambda s, t: s.trigger("x"), ConfigError, "no schedule"),
    ],
)  # fmt: skip
def test_what_cannot_be_put(put: Callable[[Any, Any], Any], error: type[Exception], words: str) -> None:
    app = App("memory://")

    @app.periodic(every(60), name="tidy")
    def tidy() -> None: ...

    with pytest.raises(error, match=words):
        put(app.schedules, tidy)
    assert set(app.schedules.list()) == {"tidy"}


def test_put_takes_a_call_and_a_task_with_options(app: App) -> None:
    @app.task
    def note(what: str) -> str:
        return what

    app.schedules.put("a", every(60), note.using(queue="q").call("called"))
    app.schedules.put("b", every(60), note.using(priority=9), kwargs={"what": "used"}, headers={"from": "b"})
    jobs = [app.schedules.trigger(key) for key in "ab"]
    assert [(job.queue, job.record.priority) for job in jobs] == [("q", 0), ("default", 9)]
    with app.worker():
        assert [job.result(timeout=10) for job in jobs] == ["called", "used"]


def test_what_code_no_longer_declares_is_an_orphan(url: str) -> None:
    if url == "memory://":
        return
    old, new = App(url), App(url)
    old.periodic(every(0.1), name="gone")(lambda: None)
    new.task(name="gone")(lambda: None)
    with old.worker(burst=True) as worker:
        assert worker.join(20)
    before = old.store.count()
    with new.worker(burst=True) as worker:
        assert worker.join(20)
    assert new.store.count() == before
    planned = new.schedules.list()["gone"]
    assert planned.problem.startswith("orphan")
    assert new.schedules.remove("gone")
    assert old.schedules.list()["gone"].problem == ""
    old.close()
    new.close()


def test_a_paused_schedule_does_not_make_up_for_its_pause(app: App) -> None:
    ticks = Ticks()
    app.periodic(every(0.1), catch_up="all", name="often")(lambda: ticks())
    app.schedules.register()
    app.schedules.pause("often")
    with app.worker():
        drained(app)
        assert ticks.seen == []
        app.schedules.resume("often")
        resumed = app.store.now()
        ticks.wait(2)
    first = min(job.record.run_at for job in app.jobs.find(limit=100) if job.task == "often")
    assert first > resumed - 0.1


def test_burst_runs_what_is_due_and_ends(app: App) -> None:
    ran = []
    app.periodic(every(3600, start_now=True), name="first")(lambda: ran.append("first"))
    app.periodic(crontab("0 0 1 1 *"), name="rarely")(lambda: ran.append("rarely"))
    with app.worker(burst=True) as worker:
        assert worker.join(20)
    assert ran == ["first"]
    with app.worker(burst=True) as worker:
        assert worker.join(20)
    assert ran == ["first"]


def test_burst_makes_jobs_of_what_came_due_meanwhile(url: str) -> None:
    clock, ran = Clock(NOON.timestamp()), []
    app = App(url, clock=clock)

    @app.periodic(every(60))
    def minutely(ctx: Context) -> None:
        ran.append(ctx.tick)

    for away, expected in ((0, []), (150, [2]), (30, [2, 3])):  # one for all that were missed
        clock.move(away)
        with app.worker(burst=True) as worker:
            assert worker.join(20)
        assert ran == [NOON + timedelta(minutes=n) for n in expected]
    app.close()


def test_the_pure_parts_need_no_engine() -> None:
    script = (
        "import sys; from longshore import crontab, every, at; "
        "print(*[name for name in ('asyncio', 'sqlite3', 'longshore.app', 'threading.x') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
