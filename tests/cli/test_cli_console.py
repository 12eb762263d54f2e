"""What a worker's console makes of what it is told, and that it holds up nobody."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from cli_shop import Shop

from longshore.cli.console.observer import Console
from longshore.testing.waiting import until

_SLOW = '''
import asyncio
from pathlib import Path

from longshore import App, failpoint

app = App("sqlite:///jobs.db", lease=1.5, sweep=0.5)


@app.task
async def block(path: str) -> None:
    """Holds the event loop until there is a file."""
    while not Path(path).exists():
        pass


@app.task(timeout=0.05)
def late(path: str) -> None:
    """Runs until there is a file, whatever its time-out."""
    while not Path(path).exists():
        pass
'''


def test_a_blocked_loop_and_an_overdue_thread_are_warned_of(bare: Shop) -> None:
    bare.write("tasks.py", _SLOW)
    gate = bare.folder / "gate"
    with bare.start("worker") as worker:
        worker.line("queues")
        late = bare.enqueue("late", f"path={gate}")
        worker.line("warning", "late", late, "outlived its time-out")
        bare.enqueue("block", f"path={gate}")
        worker.line("warning", "tasks.block", "event loop stands still")
        gate.touch()
        worker.line("warning", "tasks.block held the event loop for")
        worker.line("failed", late)


def test_a_worker_whose_thread_dies_ends_loudly(bare: Shop) -> None:
    boom = "\ndef boom():\n    raise RuntimeError('boom')\n\nfailpoint.install({'renew.before': boom})\n"
    bare.write("tasks.py", _SLOW + boom)
    said = bare.run("worker", "--name", "ada")
    assert said.code == 1, said
    assert "worker ada died: RuntimeError('boom')" in said.error


def test_a_reader_that_leaves_does_not_end_the_work(shop: Shop) -> None:
    shop.tasks["quick"].enqueue_many([(number,) for number in range(20)])
    process = subprocess.Popen(
        shop.argv("worker"),
        cwd=shop.folder,
        env=shop.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("longshore ")
    process.stdout.close()
    jobs = shop.tasks["app"].store
    until(lambda: jobs.count() == {("default", "succeeded"): 20}, "the work")
    later = shop.add("quick", number=1)
    until(lambda: jobs.get([later])[later].state == "succeeded", "more work")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    said = process.stderr.read()
    process.stderr.close()
    assert "Traceback" not in said, said


def test_a_list_cut_short_by_its_reader_says_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.tasks["quick"].enqueue_many([(number,) for number in range(3000)])
    command = " ".join(shop.argv("jobs", "list", "--limit", "3000", "-o", "jsonl", "--url", shop.url))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path, env=shop.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_waiting_can_be_interrupted(shop: Shop) -> None:
    with shop.start("enqueue", "hello", "name=you", "--wait") as waiting:
        waiting.line("waiting for its end")
        waiting.send(signal.SIGINT)
        assert waiting.end() == 130
        assert "the job goes on: longshore jobs show" in waiting.output
        assert "Traceback" not in waiting.output


def test_warnings_are_kept_and_too_many_are_counted() -> None:
    written: list[str] = []
    console = Console(written.append, "1.2")
    for number in range(100):
        console.notice(f"trouble {number}\x1b[2J")
    console.stalled(None)
    console.close()
    lines = "".join(written).splitlines()
    assert all(line.startswith("[1.2] ") for line in lines)
    text = "\n".join(lines)
    assert "trouble 0" in text
    assert "\x1b[2J" not in text
    assert "more like these" in text
    assert lines[-1].endswith("0 done · 0 retried · 0 failed · 0 handed back")
