"""``longshore demo``."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from cli_shop import Running, Shop, found
from cli_terminal import Terminal

from longshore import App
from longshore.testing.waiting import until

_CODE = """
class Thing:
    def long(self):
        a = 1
        b = 2
        return a + b

def short(): ...
"""


@pytest.fixture
def code(bare: Shop) -> Path:
    """A folder with twelve good files, a bad one, and what is left out."""
    for number in range(12):
        bare.write(f"code/good_{number:02}.py", _CODE + f"\nx = {number}\n" * number)
    bare.write("code/bad.py", "def f(:\n")
    bare.write("code/notes.txt", "not python")
    bare.write("code/site-packages/other.py", "x = 1")
    return bare.folder / "code"


def test_piped_it_prints_plain_lines_and_loses_nothing(bare: Shop, code: Path) -> None:
    said = bare.run("demo", "code", "--no-kill", "--store", "demo.db")
    assert said.code == 0, said
    assert "\x1b" not in said.out
    assert "\r" not in said.out
    assert f"13 Python files in {code}" in said.out
    assert "13 of 13 ended" in said.out
    assert re.search(r"^bad\.py +SyntaxError: ", said.out, re.MULTILINE)
    assert re.search(r"^long\(\) +4  ", said.out, re.MULTILINE)
    assert "12 succeeded · 1 failed" in said.out
    assert "nothing lost: 13 enqueued = 13 ended" in said.out
    assert "rm -r" not in said.out
    command = next(line for line in said.out.splitlines() if "jobs list" in line).split("longshore ")[1]
    [failed] = bare.run(*command.split(), "-o", "json").json
    assert failed["errors"][0]["kind"] == "SyntaxError"


def test_a_killed_workers_jobs_are_finished_by_the_other(bare: Shop) -> None:
    # Long enough in the making that the workers hold jobs half way.
    body = "".join(
        f"def f{number}(a):\n    return [a for a in range(a) if a > {number}]\n" for number in range(1500)
    )
    for number in range(24):
        bare.write(f"code/file_{number:02}.py", body)
    said = bare.run("demo", "code", "--store", "demo.db")
    assert said.code == 0, said
    pid = re.search(
        r"half way: killed worker (demo-\d+-\d) \(kill -9 (\d+)\) while it held (\d+) jobs?", said.out
    )
    assert pid, said
    assert not psutil.pid_exists(int(pid[2]))
    app = App(f"sqlite:///{bare.folder / 'demo.db'}")
    try:
        again = [job for job in found(app) if job.attempt > 1]
        assert len(again) >= int(pid[3])
        assert {job.state for job in found(app)} == {"succeeded"}
        assert pid[1] not in {job.worker for job in again}
    finally:
        app.close()
    assert f"ran again after the kill ({len(again)})" in said.out
    assert "nothing lost: 24 enqueued = 24 ended" in said.out


def test_on_a_terminal_it_draws_a_bar(bare: Shop, code: Path) -> None:
    for env in ({}, {"hide": "rich"}):
        if env:
            bare.write("rich/__init__.py", "raise ImportError('not installed')\n")
        with Terminal(bare, "demo", "code", "--no-kill", "--limit", "3", "--store", "demo.db") as terminal:
            assert "3/3" in terminal.until("nothing lost: 3 enqueued = 3 ended")
            assert terminal.end() == 0


def test_interrupted_it_leaves_nothing_behind(bare: Shop) -> None:
    for number in range(3000):
        bare.write(f"code/f{number}.py", _CODE * 50)
    places = bare.folder / "tmp"
    places.mkdir()
    with bare.start("demo", "code", "--no-kill", TMPDIR=str(places)) as demo:
        workers = until(lambda: len(found := _workers(demo)) == 2 and found, "the workers")
        demo.line("ended")
        demo.send(signal.SIGINT)
        assert demo.end() == 130, demo.output
        assert "Traceback" not in demo.output
    assert not any(worker.is_running() for worker in workers)
    assert os.listdir(places) == []


def _workers(demo: Running) -> list[psutil.Process]:
    return psutil.Process(demo.process.pid).children()


def test_what_is_given_up_is_said(bare: Shop, code: Path) -> None:
    said = bare.run("demo", "code", "--no-kill", "--timeout", "0", "--store", "demo.db")
    assert said.code == 1, said
    assert "NOT ALL ENDED: 13 enqueued" in said.out


def test_folders_that_cannot_be_taken(bare: Shop, refused: Callable[..., None]) -> None:
    refused(bare.run("demo", "nosuch"), 3, "nosuch", "is not there")
    refused(bare.run("demo", "."), 3, "no Python file")
    bare.write("one.py", "x = 1\n")
    refused(bare.run("demo", "one.py"), 3, "one.py", "is a file")
    refused(bare.run("demo", ".", "--store", "no/such/demo.db"), 2, "no/such", "mkdir -p")
    assert not [
        name for name in os.listdir(tempfile.gettempdir()) if name.startswith(f"longshore-demo-{os.getpid()}")
    ]
