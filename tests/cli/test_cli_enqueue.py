"""``longshore enqueue``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cli_shop import Shop, found

from longshore import App


def test_values_become_what_the_signature_asks_for(shop: Shop) -> None:
    assert shop.show(shop.enqueue("hello", "name=you"))["args"] == {"name": "you"}
    assert shop.show(shop.enqueue("hello", "name=007"))["args"] == {"name": "007"}
    assert shop.show(shop.enqueue("hello", "name=42"))["args"] == {"name": "42"}
    assert shop.show(shop.enqueue("hello", 'name="quoted"'))["args"] == {"name": "quoted"}
    assert shop.show(shop.enqueue("quick", "number=42"))["args"] == {"number": 42}
    job = shop.enqueue("tasks.send", "--args", '{"user_id": 3, "attach": "x"}')
    assert shop.show(job)["args"] == {"user_id": 3, "attach": "x"}
    assert shop.show(shop.enqueue("quick", "--args", "[5]"))["args"] == {"number": 5}
    shop.write("args.json", "[6]")
    assert shop.show(shop.enqueue("quick", "--args", "@args.json"))["args"] == {"number": 6}
    assert shop.run("enqueue", "quick", "--args", "-", "-o", "json", stdin="[7]").json["args"] == {
        "number": 7
    }


_WRONG = [
    (["quick", "number=abc"], 2, ["number", "int"]),
    (["quick"], 2, ["missing", "number"]),
    (["quick", "nubmer=1"], 2, ["nubmer", "number"]),
    (["quick", "5"], 2, ['"5" is not key=value']),
    (["quick", "--args", "[1, 2, 3]"], 2, ["tasks.quick()"]),
    (["quick", "--args", "{"], 2, ["--args"]),
    (["quick", "--args", "7"], 2, ["--args", "a list or an object"]),
    (["quick", "--args", "@nosuch.json"], 2, ["nosuch.json"]),
    (["quick", "number=1", "--args", "[1]"], 2, ["not both"]),
    (["quikc", "number=1"], 3, ["quikc", "tasks.quick", "nothing was stored"]),
    (["quick", "number=1", "--queue", "a b"], 2, ["a b"]),
]


@pytest.mark.parametrize(("words", "code", "named"), _WRONG, ids=[" ".join(form[0]) for form in _WRONG])
def test_what_does_not_fit_is_not_stored(
    shop: Shop, store: App, refused: Callable[..., None], words: list[str], code: int, named: list[str]
) -> None:
    refused(shop.run("enqueue", *words), code, *named)
    assert found(store) == []


def test_options_reach_the_job(shop: Shop) -> None:
    job = shop.show(shop.enqueue("hello", "name=x", "-q", "mail", "--priority", "7", "--unique", "k"))
    assert (job["queue"], job["priority"]) == ("mail", 7)
    assert "k" in job["unique"]
    again = shop.enqueue("hello", "name=y", "--unique", "k")
    assert again == job["id"]
    at = shop.show(shop.enqueue("hello", "name=x", "--at", "2030-01-31T10:30:00+01:00"))
    assert at["run_at"] == "2030-01-31T09:30:00.000Z"
    later = shop.show(shop.enqueue("hello", "name=x", "--in", "1h30m"))
    distance = datetime.fromisoformat(later["run_at"]) - datetime.fromisoformat(later["created_at"])
    assert distance.total_seconds() == pytest.approx(5400, abs=0.01)
    assert datetime.fromisoformat(later["run_at"]) > datetime.now(UTC)


def test_nobody_to_run_it_is_said(shop: Shop) -> None:
    alone = shop.run("enqueue", "send", "user_id=1")
    assert alone.code == 0
    assert alone.out.startswith("enqueued  tasks.send  ")
    assert "warning: no worker is running" in alone.err
    assert "longshore worker tasks:app -q mail" in alone.err
    with shop.start("worker", "-q", "mali,default") as worker:
        worker.line("queues")
        worker.line("waiting", "mail 1", "not served by this worker")
        other = shop.run("enqueue", "send", "user_id=2")
        assert 'no live worker serves the queue "mail"' in other.err
        assert 'Did you mean "mali"?' in other.err
        assert "warning" not in shop.run("enqueue", "hello", "name=x").err


def test_wait_gives_the_result(shop: Shop) -> None:
    with shop.start("worker") as worker:
        worker.line("queues")
        good = shop.run("enqueue", "hello", "name=you", "--wait")
        assert (good.code, good.out) == (0, "Hello, you!\n"), good
        assert shop.run("enqueue", "quick", "number=5", "--wait").out == "5\n"
        bad = shop.run("enqueue", "bad", "number=5", "--wait")
        assert bad.code == 1
        assert bad.error.endswith("ValueError: no 5")
        as_json = shop.run("enqueue", "bad", "number=6", "--wait", "-o", "json")
        assert as_json.code == 1
        assert as_json.json["state"] == "failed"


def test_wait_with_no_worker_ends_with_six(shop: Shop, refused: Callable[..., None]) -> None:
    said = shop.run("enqueue", "hello", "name=you", "--wait", "--timeout", "50ms")
    refused(said, 6, "still queued", "no worker is running", "longshore jobs show")
