"""``longshore queues``, ``workers``, ``stats``, ``doctor``, ``init``."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from cli_shop import Shop, found

from longshore import App
from longshore.model import Claim
from longshore.testing.waiting import until


def test_queues_list_counts(shop: Shop, store: App) -> None:
    assert "no queues yet" in shop.run("queues", "list").err
    shop.add("hello", name="a")
    shop.add("hello", name="b")
    shop.add("hello", name="c", using={"delay": 3600})
    shop.add("send", user_id=1)
    by_name = {row["queue"]: row for row in shop.run("queues", "list", "-o", "json").json}
    assert list(by_name) == ["default", "mail"]
    row = by_name["default"]
    assert (row["ready"], row["scheduled"], row["queued"], row["running"]) == (2, 1, 3, 0)
    assert row["oldest_wait_seconds"] >= 0
    assert row["exact"] is True
    assert row["paused"] is False
    text = shop.run("queues", "list").out.splitlines()
    assert text[0].split() == [
        "queue",
        "ready",
        "scheduled",
        "running",
        "waiting",
        "held",
        "failed",
        "oldest",
    ]
    assert text[1].split()[:4] == ["default", "2", "1", "0"]


def test_a_paused_queue_is_not_worked(shop: Shop, store: App) -> None:
    job = shop.add("hello", name="you")
    assert shop.run("queues", "pause", "default").out.startswith("paused default")
    assert shop.run("queues", "list", "-o", "json").json[0]["paused"] is True
    assert "paused" in shop.run("queues", "list").out
    said = shop.run("worker", "--burst")
    assert "default 1 (paused)" in said.out
    assert store.job(job).state == "queued"
    doctor = shop.run("doctor").out
    assert 'queue "default" is paused' in doctor
    assert "longshore queues resume default" in doctor
    assert shop.run("queues", "resume", "default", "-o", "json").json == {"queue": "default", "paused": False}
    assert shop.run("queues", "resume", "default").out == "default was not paused\n"


def test_an_unknown_queue_is_not_found(shop: Shop, refused: Callable[..., None]) -> None:
    shop.add("send", user_id=1)
    for verb in ("pause", "resume"):
        refused(shop.run("queues", verb, "mial"), 3, "mial", 'did you mean "mail"?', "queues: mail")
    assert shop.run("queues", "pause", "mial", "--force").code == 0
    assert {row["queue"] for row in shop.run("queues", "list", "-o", "json").json} == {"mail", "mial"}


def test_workers_list(shop: Shop) -> None:
    assert "no worker is alive" in shop.run("workers", "list").err
    with shop.start("worker", "--name", "ada", "-q", "mail,default", "-c", "7") as worker:
        worker.line("queues")
        [row] = until(lambda: shop.run("workers", "list", "-o", "json").json, "a heartbeat")
        assert (row["name"], row["pid"], row["state"]) == ("ada", worker.process.pid, "running")
        assert (row["queues"], row["concurrency"]) == (["mail", "default"], 7)
        assert row["started_at"].endswith("Z")
        table = shop.run("workers", "list").out
        assert "ada" in table
        assert "mail, default" in table


def test_stats_agree_with_the_jobs(shop: Shop, store: App) -> None:
    for number in range(3):
        shop.add("bad", number=number)
    assert shop.run("worker", "--burst").code == 0
    shop.add("hello", name="x")
    shop.add("send", user_id=1, using={"delay": 60})
    stats = shop.run("stats", "-o", "json").json
    assert stats["states"] == {
        "queued": 2, "waiting": 0, "running": 0, "succeeded": 0, "failed": 3, "cancelled": 0, "held": 0,
    }  # fmt: skip
    assert (stats["ready"], stats["scheduled"], stats["workers"]) == (1, 1, 0)
    assert sum(stats["states"].values()) == len(found(store))
    lines = shop.run("stats").out.splitlines()
    assert "5 jobs" in lines[0]
    assert lines[-1].split() == ["all", "2", "0", "0", "0", "3", "0", "0"]


def test_the_doctor_names_a_fix_that_fixes(shop: Shop) -> None:
    job = shop.add("send", user_id=1)
    sick = shop.run("doctor")
    assert sick.code == 1
    assert 'queue "mail" has 1 waiting' in sick.out
    fix = next(line for line in sick.out.splitlines() if "longshore worker" in line).split("longshore ", 1)[1]
    with shop.start(*shlex.split(fix)) as worker:
        worker.line("done", job)
        well = shop.run("doctor", "-o", "json")
    assert well.code == 0, well
    assert well.json["failing"] == 0
    topics = {finding["topic"] for finding in well.json["findings"]}
    assert topics == {"app", "store", "sqlite", "queues", "workers", "jobs"}


def test_the_doctor_tells_of_held_jobs_and_of_a_broken_app(shop: Shop) -> None:
    shop.add("hello", name="you")
    with closing(sqlite3.connect(shop.folder / "jobs.db")) as file:
        file.execute("UPDATE longshore_jobs SET args = x'ff'")
        file.commit()
    assert shop.run("worker", "--burst").code == 0
    held = shop.run("doctor")
    assert "1 job is held for a person; the newest: its arguments cannot be decoded" in held.out
    assert shop.run("doctor", "--url", shop.url).code == 0
    shop.write("tasks.py", "1 / 0\n")
    broken = shop.run("doctor")
    assert broken.code == 1
    assert "FAIL  app" in broken.out
    assert "tasks.py line 1: ZeroDivisionError" in broken.out


def test_the_doctor_looks_at_what_a_dead_worker_held(shop: Shop, store: App) -> None:
    shop.add("hello", name="you")
    store.store.exchange([], Claim("gone", 1, 3600.0))
    assert "worker gone is gone and held 1 job" in shop.run("doctor").out


def test_init_writes_a_file_that_works(bare: Shop, refused: Callable[..., None]) -> None:
    said = bare.run("init")
    assert said.code == 0
    assert "longshore dev tasks.py" in said.out
    text = (bare.folder / "tasks.py").read_text()
    assert len([line for line in text.splitlines() if line]) == 5
    refused(bare.run("init"), 7, "tasks.py is there already")
    assert (bare.folder / "tasks.py").read_text() == text
    enqueue = next(line for line in said.out.splitlines() if "longshore enqueue" in line)
    words = shlex.split(enqueue.split("   in another")[0])[1:]
    with bare.start("dev", "tasks.py", "--no-reload") as dev:
        dev.line("queues")
        assert bare.run(*words).out == "Hello, you!\n"


@pytest.mark.parametrize("name", ["my-tasks.py", "tasks.txt", "no/such/tasks.py"])
def test_init_refuses_what_python_could_not_import(
    bare: Shop, refused: Callable[..., None], name: str
) -> None:
    refused(bare.run("init", name), 2, name)
    assert os.listdir(bare.folder) == []


def test_the_outbox_is_told_of(shop: Shop) -> None:
    module = shop.folder / "boxed.py"
    module.write_text(
        "from longshore import App\n\napp = App('sqlite:///jobs.db', outbox='sqlite:///own.db')\n\n\n"
        "@app.task(name='mail')\ndef mail(n: int) -> int:\n    return n\n"
    )
    with App(f"sqlite:///{shop.folder / 'jobs.db'}", outbox=f"sqlite:///{shop.folder / 'own.db'}") as app:

        @app.task(name="mail")
        def mail(n: int) -> int:
            return n

        with closing(sqlite3.connect(shop.folder / "own.db")) as connection:
            mail.using(connection=connection).enqueue(1)
            connection.commit()
            assert "outbox: 1 job to be moved" in shop.run("stats", "--app", "boxed:app").out
            assert "1 job to be moved" in shop.run("doctor", "--app", "boxed:app").out
            connection.execute("UPDATE longshore_outbox SET created_at = created_at - 100")
            connection.commit()
        found = shop.run("doctor", "--app", "boxed:app", "-o", "json").json["findings"]
        assert [each["level"] for each in found if each["topic"] == "outbox"] == ["warn"]
        assert shop.run("stats", "--app", "boxed:app", "-o", "json").json["outbox"]["jobs"] == 1
    (shop.folder / "jobs.db").write_text("no database\n" * 100)
    found = shop.run("doctor", "--app", "boxed:app", "-o", "json").json["findings"]
    told = [(each["topic"], each["level"]) for each in found]
    assert told == [("app", "ok"), ("outbox", "warn"), ("store", "FAIL")], (
        "what waits is told without the store too"
    )
