"""What the feed makes of answers that were lost, and of a single change that the store refuses."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from longshore import App, JobFailed
from longshore.errors import StoreUnavailable
from longshore.testing import failpoints
from longshore.testing.waiting import until
from servers import postgres

LOST = StoreUnavailable("the answer was lost")


def test_jobs_whose_claim_was_not_heard_of_do_not_wait_for_their_lease(url: str) -> None:
    with App(url, lease=60) as app:

        @app.task
        def work(n: int) -> int:
            return n

        jobs = work.enqueue_many([(n,) for n in range(10)])
        with failpoints.at("exchange.after_commit", failpoints.fail(LOST), times=1), app.worker():
            assert [job.result(20) for job in jobs] == list(range(10))
        assert {(job.refresh().attempt, job.record.crashes) for job in jobs} == {(2, 0)}


def test_an_outcome_whose_answer_was_lost_is_not_called_refused(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()
    with App(url, lease=60) as app:

        @app.task
        def work(n: int) -> int:
            assert go.wait(20)
            return n

        with app.worker() as worker:
            jobs = work.enqueue_many([(n,) for n in range(10)])
            until(lambda: worker.running == 10, "all to run")
            with failpoints.at("exchange.after_commit", failpoints.fail(LOST), times=1):
                go.set()
                assert [job.result(20) for job in jobs] == list(range(10))
                until(lambda: worker.counts["succeeded"] == 10, "all to be counted")
            assert "refused" not in worker.counts
    assert "refused:" not in caplog.text


def _forbid_long_results(kind: str, tmp_path: Path) -> str:
    """A store that takes no result of more than 1000 bytes, whatever it says; its URL."""
    if kind == "postgresql":
        schema = f"d{secrets.token_hex(8)}"
        url = postgres.place(schema)
        App(url).store.close()
        with psycopg.connect(postgres.database_url(), autocommit=True) as connection:
            connection.execute(
                f"ALTER TABLE {schema}.jobs ADD CONSTRAINT short CHECK (octet_length(result) < 1000)".encode()
            )
        return url
    path = tmp_path / "jobs.db"
    url = f"sqlite:///{path}"
    App(url).store.close()
    with sqlite3.connect(path) as connection:
        (table,) = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%jobs'").fetchone()
        connection.execute(
            f"CREATE TRIGGER short BEFORE UPDATE OF result ON {table} WHEN length(NEW.result) >= 1000 "
            "BEGIN SELECT RAISE(ABORT, 'short'); END"
        )
    connection.close()
    return url


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_change_that_is_refused_for_good_holds_its_own_job_only(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()
    with App(_forbid_long_results(kind, tmp_path), lease=60) as app:

        @app.task(name="work")
        def work(size: int) -> str:
            assert go.wait(20)
            return "x" * size

        with caplog.at_level(logging.WARNING), app.worker(concurrency=40) as worker:
            jobs = work.enqueue_many([(2000 if n in (3, 17) else n,) for n in range(30)])
            until(lambda: worker.running == 30, "all to run")
            go.set()
            for n, job in enumerate(jobs):
                if n not in (3, 17):
                    assert job.result(20) == "x" * n
            for n in (3, 17):
                with pytest.raises(
                    JobFailed, match=r"is held: its outcome \(succeeded\) was refused by the store: .*short"
                ):
                    jobs[n].result(20)
            assert work.enqueue(5).result(20) == "x" * 5  # it goes on
            assert worker.counts == {"succeeded": 29, "held": 2}
    held = [record.getMessage() for record in caplog.records if record.getMessage().startswith("held: work")]
    assert len(held) == 2


def test_a_store_that_refuses_everything_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then no single change is to blame: outcomes are kept until somebody has mended the store."""
    go = threading.Event()
    schema = f"d{secrets.token_hex(8)}"
    with App(postgres.place(schema), lease=60) as app:

        @app.task
        def work(n: int) -> int:
            assert go.wait(20)
            return n

        def by_hand(text: str) -> None:
            postgres.query(text.format(schema))

        with app.worker() as worker:
            jobs = work.enqueue_many([(n,) for n in range(5)])
            until(lambda: worker.running == 5, "all to run")
            by_hand(
                "ALTER TABLE {}.jobs ADD CONSTRAINT none CHECK (state = 'running' OR state = 'queued') NOT VALID"
            )
            refused: list[Exception] = []
            apply = app.store.apply

            def applied(changes: Any) -> Any:
                try:
                    return apply(changes)
                except Exception as error:
                    refused.append(error)
                    raise

            monkeypatch.setattr(app.store, "apply", applied)
            go.set()
            until(
                lambda: worker.stalled is not None and "refuses" in worker.stalled.why, "the worker to say so"
            )
            until(lambda: len(refused) >= 10, "it to look for one to blame, more than once")
            by_hand("ALTER TABLE {}.jobs DROP CONSTRAINT none")
            assert [job.result(20) for job in jobs] == list(range(5))
            assert worker.counts == {"succeeded": 5}
