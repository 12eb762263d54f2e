"""Worker processes that die or stand still at any point, on one PostgreSQL: every job ends once."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time

import pytest

from longshore.testing.invariants import History, violations
from longshore.testing.samples import everything
from longshore.testing.scene import Scene
from servers import postgres

POINTS = ("exchange.before_commit", "exchange.after_commit", "run.before", "run.after", "settle.after")


def worker(url, ledger, point="-", action="kill"):
    command = [
        sys.executable,
        "-m",
        "longshore.testing.crash_worker",
        url,
        point,
        "2",
        "--ledger",
        str(ledger),
    ]
    return subprocess.Popen(
        [*command, "--action", action], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process, word):
    for line in process.stdout:
        if line.startswith(word):
            return
    raise AssertionError(f"it never said {word!r}")


@pytest.mark.parametrize("action", ["kill", "stop"])
@pytest.mark.parametrize("point", POINTS)
def test_every_job_ends_once(tmp_path, point, action):
    scene = Scene(postgres.place(f"c{secrets.token_hex(8)}"), tmp_path / "ledger")
    jobs = [*scene.note.enqueue_many([()] * 60), *scene.anote.enqueue_many([()] * 60)]
    started = [worker(scene.url, tmp_path / "ledger", point, action)]
    try:
        if action == "kill":
            assert started[0].wait(30) == -signal.SIGKILL
        else:
            said(started[0], "stopped")
        started += [worker(scene.url, tmp_path / "ledger") for _ in range(2)]
        results = {job.id: job.result(timeout=60) for job in jobs}
        if action == "stop":
            # It comes back long after its leases lapsed, and must not be heard.
            os.kill(started[0].pid, signal.SIGCONT)
            said(started[0], "")
        found = everything(scene.app.store)
        history = History(frozenset(results), found, results, scene.ledger.starts(), takeovers=1)
        assert violations(history) == []
    finally:
        for process in started:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
        scene.app.close()


def test_a_worker_in_another_process_is_woken_at_once(tmp_path):
    scene = Scene(postgres.place(f"c{secrets.token_hex(8)}"), tmp_path / "ledger")
    scene.app.open()
    process = worker(scene.url, tmp_path / "ledger")
    try:
        said(process, "ready")
        assert scene.anote.enqueue().result(timeout=30) == 1
        heard = threading.Event()
        job = scene.gate.enqueue()
        subscription = scene.app.store.subscribe([f"job:{job.id}"], heard.set)
        deadline = time.monotonic() + 30
        while not scene.begun(job.id):
            assert time.monotonic() < deadline
            heard.wait(0.01)
        scene.open_gate()
        assert heard.wait(30)
        assert job.result(timeout=30) == 1
        subscription.close()
    finally:
        process.kill()
        process.communicate(timeout=30)
        scene.app.close()
