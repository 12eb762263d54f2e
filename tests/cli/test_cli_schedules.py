"""``longshore schedules``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from cli_shop import Shop

from longshore import App, every

TASKS = """
from datetime import UTC, datetime
from longshore import App, crontab, every

app = App("sqlite:///jobs.db")


@app.periodic(crontab("0 9 * * 1-5", timezone="Europe/Berlin"), name="report", catch_up="all", bound=3)
def report() -> str:
    return "reported"


@app.periodic(every(3600, start_now=True), name="tidy", overlap="skip")
def tidy() -> str:
    return "tidied"


@app.periodic(lambda when: when.minute == 7, name="odd")
def odd() -> None: ...
"""


@pytest.fixture
def planned(bare: Shop) -> Shop:
    bare.write("tasks.py", TASKS)
    return bare


def test_a_burst_runs_what_is_due(planned: Shop) -> None:
    assert planned.run("worker", "--burst").code == 0
    by_key = {row["schedule"]: row for row in planned.run("schedules", "list", "-o", "json").json}
    assert set(by_key) == {"odd", "report", "tidy"}
    assert by_key["tidy"]["last_at"] is not None
    assert by_key["report"]["last_at"] is None
    [job] = planned.run("jobs", "list", "-o", "json").json
    assert (job["task"], job["state"]) == ("tidy", "succeeded")


def test_list_and_show(planned: Shop) -> None:
    # Also before any worker has seen them.
    text = planned.run("schedules", "list").out.splitlines()
    assert text[0].split() == ["schedule", "rule", "task", "last", "next"]
    assert [line.split()[0] for line in text[1:]] == ["odd", "report", "tidy"]
    assert "0 9 * * 1-5 (Europe/Berlin)" in text[2]
    shown = planned.run("schedules", "show", "report", "-o", "json").json
    assert shown["catch_up"] == "all"
    assert shown["bound"] == "3 ticks"
    assert shown["overlap"] == "allow"
    assert shown["declared_in_code"] is True
    assert shown["paused"] is False
    assert shown["next_at"].endswith("Z")
    assert "Europe/Berlin" in planned.run("schedules", "show", "report").out


def test_next(planned: Shop) -> None:
    lines = planned.run("schedules", "next", "report", "--count", "7").out.splitlines()
    times = [datetime.fromisoformat(line) for line in lines]
    assert len(times) == 7
    assert {(time.hour, time.minute) for time in times} == {(9, 0)}
    assert all(time.isoweekday() <= 5 for time in times)
    assert len(planned.run("schedules", "next", "odd", "-o", "json").json) == 5


def test_run_pause_resume_remove(planned: Shop) -> None:
    planned.run("worker", "--burst")
    job = planned.run("schedules", "run", "report", "-o", "json").json
    assert (job["task"], job["state"]) == ("report", "queued")
    assert planned.run("schedules", "run", "tidy").out.startswith("enqueued  tidy")
    assert planned.run("schedules", "pause", "report").out.startswith("paused report")
    assert planned.run("schedules", "show", "report", "-o", "json").json["next_at"] is None
    assert "paused" in planned.run("schedules", "list").out
    assert "paused" in planned.run("schedules", "next", "report").err
    said = planned.run("doctor")
    assert 'schedule "report" is paused' in said.out
    assert planned.run("schedules", "resume", "report", "-o", "json").json == {
        "schedule": "report",
        "paused": False,
    }
    assert planned.run("schedules", "resume", "report").out == "report was not paused\n"
    removed = planned.run("schedules", "remove", "report")
    assert (removed.out, "comes back" in removed.err) == ("removed report\n", True)


def test_the_store_alone(planned: Shop) -> None:
    planned.run("worker", "--burst")
    rows = planned.run("schedules", "list", "--url", "sqlite:///jobs.db", "-o", "json").json
    assert {row["problem"] for row in rows} == {None}
    assert planned.run("schedules", "pause", "tidy", "--url", "sqlite:///jobs.db").code == 0
    assert (
        "known only to the code"
        in planned.run("schedules", "next", "odd", "--url", "sqlite:///jobs.db").error
    )
    assert len(planned.run("schedules", "next", "report", "--url", "sqlite:///jobs.db").out.splitlines()) == 5


def test_the_doctor_finds_schedules_that_run_nothing(planned: Shop) -> None:
    assert "3 schedules, none paused" in planned.run("doctor").out
    other = App(planned.url)
    other.task(name="elsewhere")(lambda: None)
    other.schedules.put("lost", every(60), "elsewhere")
    other.periodic(every(60), name="gone")(lambda: None)
    other.schedules.register()
    other.close()
    out = planned.run("doctor").out
    assert 'schedule "lost" runs nothing here: unknown task "elsewhere"' in out
    assert "import the module of elsewhere" in out
    assert 'schedule "gone" runs nothing here: orphan' in out
    assert "longshore schedules remove gone" in out


def test_an_unknown_schedule_is_not_found(planned: Shop, refused: Callable[..., None]) -> None:
    for verb in ("show", "next", "run", "pause", "resume", "remove"):
        refused(
            planned.run("schedules", verb, "tidi"),
            3,
            "tidi",
            'did you mean "tidy"?',
            "schedules: odd, report, tidy",
        )


def test_no_schedules_yet(shop: Shop) -> None:
    assert "no schedules yet" in shop.run("schedules", "list").err
