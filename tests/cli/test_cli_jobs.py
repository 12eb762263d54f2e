"""``longshore jobs``."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_shop import Shop, found
from cli_terminal import Terminal

from longshore import App
from longshore.model import FIELDS, Where


def _burst(shop: Shop) -> None:
    said = shop.run("worker", "--burst")
    assert said.code == 0, said


def test_show_prints_every_field_under_its_name(shop: Shop) -> None:
    job = shop.add("send", user_id=42, attach=Path("a.png"), when=datetime(2030, 1, 31, 9, 30, tzinfo=UTC))
    before = shop.show(job)
    assert list(before) == list(FIELDS)
    assert before["state"] == "queued"
    assert before["args"] == {"user_id": 42, "attach": "a.png", "when": "2030-01-31T09:30:00Z"}
    assert before["result"] is None
    assert before["errors"] == []
    _burst(shop)
    after = shop.show(job)
    assert after["state"] == "succeeded"
    assert after["result"] == ["int", "datetime", "PosixPath"]
    assert after["attempt"] == 1
    for name in ("created_at", "run_at", "started_at", "finished_at", "purge_at"):
        assert datetime.fromisoformat(after[name]).tzinfo is not None, name
        assert after[name].endswith("Z")


def test_show_tells_a_failure(shop: Shop) -> None:
    job = shop.add("bad", number=7)
    _burst(shop)
    [failure] = shop.show(job)["errors"]
    assert failure["kind"] == "ValueError"
    assert failure["message"] == "no 7"
    assert failure["at"].endswith("Z")
    text = shop.run("jobs", "show", job).out
    assert "ValueError: no 7" in text
    assert 'raise ValueError(f"no {number}")' in text
    assert "\x1b" not in text


def test_show_without_the_app_and_with_what_cannot_be_decoded(shop: Shop, store: App) -> None:
    job = shop.add("hello", name="you")
    [first] = found(store)
    broken = b"\xff\x00broken"
    from msgspec.structs import replace

    from longshore.ids import new_id

    other = new_id()
    store.store.add([replace(first, id=other, args=broken)])
    by_app = shop.run("jobs", "show", job, "-o", "json")
    assert by_app.json["args"] == {"name": "you"}
    lines = shop.run("jobs", "list", "-o", "jsonl").out.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {job, other}
    assert base64.b64decode(shop.show(other)["args"]) == broken
    assert shop.run("jobs", "list").code == 0


def test_an_id_that_is_not_there(shop: Shop, refused: Callable[..., None]) -> None:
    refused(shop.run("jobs", "show", "0" * 32), 3, "0" * 32, "longshore jobs list")
    for verb in ("cancel", "retry", "delete"):
        refused(shop.run("jobs", verb, "0" * 32, "--yes"), 3, "0" * 32, "nothing was changed")


def test_lists_by_state_view_queue_and_task(shop: Shop) -> None:
    ready = shop.add("hello", name="a")
    mail = shop.add("send", user_id=1)
    later = shop.add("hello", name="b", using={"delay": 3600})

    def ids(*words: str) -> list[str]:
        return [row["id"] for row in shop.ask("jobs", "list", *words)]

    assert ids() == [later, mail, ready]
    assert ids("--state", "queued") == [later, mail, ready]
    assert ids("--state", "scheduled") == [later]
    assert ids("--state", "ready") == [mail, ready]
    assert ids("--queue", "mail") == [mail]
    assert ids("--task", "tasks.hello") == [later, ready]
    assert ids("--task", "tasks.hello", "--state", "ready") == [ready]
    assert ids("--limit", "2") == [later, mail]
    assert ids("--limit", "2", "--after", mail) == [ready]
    assert ids("--state", "failed") == []
    retrying = shop.add("flaky")
    _burst(shop)
    assert ids("--state", "retrying") == [retrying]
    assert ids("--state", "retrying", "--state", "succeeded") == [retrying, mail, ready]


def test_the_table_says_what_matters_and_hides_secrets(shop: Shop) -> None:
    shop.add("send", user_id=1, password="hunter2")
    shop.add("bad", number=3)
    shop.add("hello", name="x", using={"delay": 3600})
    assert "password=***" in shop.run("jobs", "list").out
    _burst(shop)
    said = shop.run("jobs", "list", "--limit", "2")
    assert "scheduled" in said.out
    assert "ValueError: no 3" in said.out
    assert "--after" in said.err
    assert "\x1b" not in said.out
    assert shop.run("jobs", "list", "--state", "held").err.endswith("no jobs with --state held\n")


def test_a_job_of_an_unknown_task_is_blocked_then_picked_up(shop: Shop) -> None:
    job = shop.add("hello", name="you")
    shop.write("others.py", "from longshore import App\napp = App('sqlite:///jobs.db')\n")
    said = shop.run("worker", "others:app", "--burst")
    assert said.code == 0
    assert 'unknown task "tasks.hello"' in said.out
    assert [row["id"] for row in shop.run("jobs", "list", "--state", "blocked", "-o", "json").json] == [job]
    assert "blocked" in shop.run("jobs", "show", job).out
    doctor = shop.run("doctor")
    assert doctor.code == 1
    assert "no worker knows the task tasks.hello" in doctor.out
    with shop.start("worker") as worker:
        worker.line("done", job)


def test_cancel_by_id_and_twice(shop: Shop) -> None:
    job = shop.add("hello", name="you")
    assert shop.run("jobs", "cancel", job).out == "1 cancelled\n"
    assert shop.show(job)["state"] == "cancelled"
    again = shop.run("jobs", "cancel", job)
    assert again.code == 1
    assert "too late" in again.err


def test_cancel_reaches_a_running_job(shop: Shop) -> None:
    job = shop.add("until_file", path=f"{shop.folder}/never")
    with shop.start("worker") as worker:
        worker.line("started", job)
        assert shop.run("jobs", "cancel", job, "-o", "json").json == {
            "cancelled": 0,
            "asked to stop": 1,
            "skipped": 0,
        }
        worker.line(job, number=2)


def test_retry_by_id_and_by_filter(shop: Shop, store: App) -> None:
    first, second = shop.add("bad", number=1), shop.add("bad", number=2)
    good = shop.add("hello", name="you")
    _burst(shop)
    assert shop.run("jobs", "retry", first).out == "1 retried\n"
    assert shop.run("jobs", "retry", "--task", "tasks.bad", "--yes").out == "1 retried\n"
    states = {job.id: job.state for job in found(store)}
    assert states == {first: "queued", second: "queued", good: "succeeded"}
    assert "not ended" in shop.run("jobs", "retry", first).err


def test_a_retry_whose_unique_key_is_held_is_skipped(shop: Shop, store: App) -> None:
    first = shop.add("bad", number=1, using={"unique": "k"})
    _burst(shop)
    second = shop.add("bad", number=1, using={"unique": "k"})
    assert second != first
    said = shop.run("jobs", "retry", first)
    assert said.code == 1
    assert said.out == "0 retried · 1 skipped\n"
    assert "unique key is held" in said.err
    assert store.job(first).state == "failed"


def test_delete(shop: Shop, store: App) -> None:
    ended = [shop.add("bad", number=n) for n in range(2)]
    _burst(shop)
    waiting = shop.add("hello", name="you")
    kept = shop.run("jobs", "delete", waiting, "--yes")
    assert kept.code == 1
    assert "cancel it first" in kept.err
    assert shop.run("jobs", "delete", "--all", "--yes", "-o", "json").json == {"deleted": 2, "skipped": 0}
    assert [job.id for job in found(store)] == [waiting]
    assert ended


@pytest.mark.parametrize("verb", ["cancel", "retry", "delete"])
def test_no_terminal_no_change(shop: Shop, store: App, refused: Callable[..., None], verb: str) -> None:
    job = shop.add("bad", number=1)
    if verb != "cancel":
        _burst(shop)
    before = store.store.find(Where(), 10)
    refused(shop.run("jobs", verb, "--task", "tasks.bad"), 7, f"would {verb} 1 job", "--yes")
    refused(shop.run("jobs", verb, "--all", "-o", "json"), 7, "nothing was changed")
    dry = shop.run("jobs", verb, "--all", "--dry-run")
    assert dry.code == 0
    assert job in dry.out
    assert store.store.find(Where(), 10) == before


def test_no_filter_is_refused_and_so_is_a_senseless_one(shop: Shop, refused: Callable[..., None]) -> None:
    refused(shop.run("jobs", "cancel", "--yes"), 2, "--all")
    refused(shop.run("jobs", "cancel", "--state", "succeeded", "--yes"), 2, "succeeded", "too late")
    refused(shop.run("jobs", "retry", "--state", "scheduled", "--yes"), 2, "scheduled")
    refused(shop.run("jobs", "delete", "someid", "--all", "--yes"), 2, "not both")


def test_on_a_terminal_it_asks(shop: Shop, store: App) -> None:
    job = shop.add("hello", name="you")
    with Terminal(shop, "jobs", "cancel", "--queue", "default") as no:
        assert "1 job matches (tasks.hello 1)" in no.until("[y/N]")
        no.type("n\n")
        assert no.end() == 7
    assert store.job(job).state == "queued"
    with Terminal(shop, "jobs", "cancel", "--queue", "default") as yes:
        yes.until("[y/N]")
        yes.type("y\n")
        assert yes.end() == 0
    assert store.job(job).refresh().state == "cancelled"


def test_above_a_thousand_the_number_is_typed(shop: Shop, store: App) -> None:
    from msgspec.structs import replace

    from longshore.ids import new_ids

    shop.add("hello", name="you")
    [one] = found(store)
    store.store.add([replace(one, id=i) for i in new_ids(1000)])
    with Terminal(shop, "jobs", "cancel", "--all") as wrong:
        wrong.until("type the number")
        wrong.type("y\n")
        assert wrong.end() == 7
    with Terminal(shop, "jobs", "cancel", "--all") as right:
        right.until("type the number")
        right.type("1001\n")
        assert "1,001 cancelled" in right.until("cancelled")
        assert right.end() == 0
    assert store.store.count() == {("default", "cancelled"): 1001}
