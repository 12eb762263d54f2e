"""A worker that makes no progress says so: at once and once in its log, and to others through the store."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from longshore import App
from longshore.cli.main import cli
from longshore.testing.waiting import until
from longshore.worker import watchdog
from servers.valkey import valkey


def told(caplog: pytest.LogCaptureFixture, start: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith(start)]


def listed(url: str) -> dict[str, Any]:
    """What ``longshore workers list -o json`` says of the one worker."""
    answer = CliRunner().invoke(cli, ["workers", "list", "--url", url, "-o", "json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert len(found) == 1
    return dict(found[0])


def test_a_store_that_goes_away_is_told_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()
    with (
        caplog.at_level(logging.WARNING),
        valkey(appendonly="yes", appendfsync="always") as server,
        App(server.url, lease=60) as app,
    ):

        @app.task
        def work(n: int) -> int:
            assert go.wait(20)
            return n

        with app.worker() as worker:
            jobs = work.enqueue_many([(n,) for n in range(5)])
            until(lambda: worker.running == 5, "all to run")
            waiting = threading.Thread(target=lambda: results.append(jobs[0].result(60)))
            results: list[int] = []
            waiting.start()
            until(lambda: jobs[0].state == "running", "the first look")
            server.kill()
            stall = until(lambda: worker.stalled, "the worker to say so")
            assert "cannot be reached" in stall.why
            go.set()
            until(lambda: all(run.closed for run in worker.feed.runs.values()), "five outcomes to wait")
            server.start()
            assert [job.result(20) for job in jobs] == list(range(5))
            until(lambda: worker.stalled is None, "it to go on")
            waiting.join(20)
            assert results == [0]  # who waited already waited on
        [stalled] = told(caplog, "stalled:")
        [going_on] = told(caplog, "going on: the store is back after ")
        assert "outcomes are kept until it is back" in stalled or "leases cannot be renewed" in stalled
        assert going_on.endswith(" s, 5 outcomes were kept")


def test_a_blocked_event_loop_is_a_stall_for_all_to_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "LOOK", 0.02)
    monkeypatch.setattr(watchdog, "PATIENCE", 0.1)
    url, go = f"sqlite:///{tmp_path / 'jobs.db'}", threading.Event()
    with caplog.at_level(logging.WARNING), App(url) as app:

        @app.task(name="rude")
        async def rude() -> None:
            await asyncio.sleep(0)
            go.wait(20)

        with app.worker() as worker:
            job = rude.enqueue()
            found = until(lambda: (one := listed(url))["state"] == "stalled" and one, "it to be seen")
            assert found["silent"] is False
            assert found["stalled"]["why"].startswith("the event loop stands still for")
            assert "in task rude at" in found["stalled"]["why"]
            assert found["stalled"]["seconds"] >= 0.1
            assert found["stalled"]["since"].startswith("20")
            text = CliRunner().invoke(cli, ["workers", "list", "--url", url]).output
            assert f"{worker.name} stalled for " in text
            go.set()
            job.result(20)
            until(lambda: listed(url)["state"] == "running", "it to go on")
            assert listed(url)["stalled"] is None
        assert len(told(caplog, "stalled:")) == 1
        assert len(told(caplog, "going on: the event loop is free after")) == 1


def test_a_store_that_gives_no_answer_is_told_before_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    monkeypatch.setattr(watchdog, "LOOK", 0.02)
    monkeypatch.setattr(watchdog, "SILENCE", 0.1)
    with valkey() as server, App(f"{server.url}?timeout=60") as app, app.worker() as worker:
        server.signal(signal.SIGSTOP)
        stall = until(lambda: worker.stalled, "the worker to say so")
        assert "no answer from the store for 0." in stall.why
        assert stall.seconds >= 0.1
        server.signal(signal.SIGCONT)
        until(lambda: worker.stalled is None, "it to go on")


@pytest.mark.parametrize("url", ["sqlite", "postgresql", "redis"], indirect=True)
def test_a_worker_that_does_not_keep_its_word_is_stalled(url: str) -> None:
    with App(url) as app:
        now = app.store.now()
        app.store.put(
            "worker", "w", {"state": "running", "queues": None, "beat_at": now - 60, "beat_every": 5.0}
        )
        found = listed(url)
        assert (found["state"], found["silent"]) == ("stalled", True)
        assert "not heard of for 1m; it promised a word every 5.0s" in found["stalled"]["why"]
        job = app.task(name="t")(lambda: None).enqueue()
        with pytest.raises(TimeoutError, match="no worker is running"):
            job.result(0.01)
