"""Movers and callers killed with kill -9: what was committed runs exactly once, what was not never does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from longshore import App
from longshore.testing.ledger import Ledger
from longshore.testing.samples import everything
from longshore.testing.waiting import until
from servers.shared import in_namespace
from transactions.doors import caller_url, opener
from transactions.mover_child import app_at
from transactions.test_outbox import outbox_of, outbox_url

CHILD = Path(__file__).with_name("mover_child.py")
POINTS = [
    ("outbox.before_mark", 1),
    ("outbox.after_add", 1),
    ("outbox.after_add", 2),
    ("outbox.after_release", 1),
]


def killed(*words: str) -> None:
    """Run the child until it is killed."""
    path = os.pathsep.join([str(CHILD.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(CHILD), *words],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def finish(app: App) -> None:
    """A worker moves what is left, and does and forgets everything."""
    with app.worker():
        until(
            lambda: outbox_of(app).backlog().jobs == 0 and everything(app.store) == {}, "all to be done", 40
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("point", "hit"), POINTS)
async def test_a_mover_killed_anywhere(point: str, hit: int, database: str, tmp_path: Path) -> None:
    store, outbox, ledger = in_namespace(str(tmp_path)), outbox_url(database, tmp_path), tmp_path / "ledger"
    with app_at(store, outbox, str(ledger)) as app:
        kind = "sqlite3" if database == "sqlite" else "psycopg"
        count = app.tasks["count"]
        async with opener(database, kind)(caller_url(database, tmp_path)) as door:
            count.using(connection=door.connection).enqueue_many([(n,) for n in range(700)])
            await door.commit()
        killed("move", store, outbox, str(ledger), point, str(hit))
        assert outbox_of(app).backlog().jobs > 0
        if (
            point == "outbox.after_release"
        ):  # what was let run is done, and forgotten, before its rows are gone
            with app_at(store, None, str(ledger)) as other, other.worker():
                until(lambda: everything(app.store) == {}, "what was let run to be done", 40)
        finish(app)
    assert Counter(start.job for start in Ledger(ledger).starts()) == {str(n): 1 for n in range(700)}


@pytest.mark.parametrize("how", ["straight", "by the outbox"])
async def test_a_caller_killed_before_its_commit(database: str, how: str, tmp_path: Path) -> None:
    outbox, ledger = outbox_url(database, tmp_path), tmp_path / "ledger"
    store = in_namespace(str(tmp_path)) if how == "by the outbox" else outbox
    with app_at(store, outbox, str(ledger)) as app:
        app.open()
        kind = "sqlite3" if database == "sqlite" else "asyncpg"
        child = "enqueue" if how == "by the outbox" else "straight"
        killed(child, store, outbox, str(ledger), kind, caller_url(database, tmp_path))
        finish(app)
    assert Counter(start.job for start in Ledger(ledger).starts()) == {"1": 1}
