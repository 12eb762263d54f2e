"""``longshore worker`` and ``longshore dev``: what they print, how they stop, what they survive."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
from cli_shop import Running, Shop, found

from longshore import App
from longshore.testing.waiting import until


def test_a_burst_does_all_there_is_and_says_so(shop: Shop, store: App) -> None:
    good, bad, flaky = shop.add("hello", name="you"), shop.add("bad", number=3), shop.add("flaky")
    mail = shop.add("send", user_id=1)
    said = shop.run("worker", "tasks:app", "-q", "default", "--burst", "--name", "ada")
    assert said.code == 0, said
    first, second, third = said.out.splitlines()[:3]
    assert first.startswith("longshore ")
    assert "worker ada  store sqlite:///jobs.db  app tasks:app" in first
    assert second.startswith("queues    default")
    assert third == "waiting   default 3 · mail 1 (not served by this worker)"
    lines = said.out.splitlines()
    assert any(
        re.search(rf"started   tasks.hello  {good}  default  waited \S+  name='you'", line) for line in lines
    )
    assert any(re.search(rf"done      tasks.hello  {good}  \d", line) for line in lines)
    assert any(f"failed    tasks.bad  {bad}" in line and "ValueError: no 3" in line for line in lines)
    assert any(f"retry     tasks.flaky  {flaky}" in line and "again in" in line for line in lines)
    assert lines[-1].endswith("stopped   1 done · 1 retried · 1 failed · 0 handed back")
    assert "INFO      shop  greeting you" in said.err
    assert "\x1b" not in said.out
    assert store.job(mail).state == "queued"


def test_queues_repeated_and_options_from_the_environment(shop: Shop) -> None:
    said = shop.run("worker", "-q", "a,b", "-q", "c", "--burst", LONGSHORE_WORKER_CONCURRENCY="3")
    assert "queues    a, b, c" in said.out
    assert "3 at once" in said.out


def test_many_jobs_are_summed_up_and_not_listed(shop: Shop) -> None:
    shop.tasks["quick"].enqueue_many([(number,) for number in range(5000)])
    said = shop.run("worker", "--burst")
    assert said.code == 0
    assert "busy      " in said.out
    assert "jobs/s" in said.out
    assert "5,000 done" in said.out
    assert len(said.out.splitlines()) < 400


def _begun(shop: Shop, worker: Running, task: str = "until_file") -> tuple[str, Path]:
    """A job that runs until a file is there, running."""
    gate = shop.folder / "gate"
    job = shop.add(task, path=str(gate))
    worker.line("started", job)
    until(lambda: Path(f"{gate}.started").exists(), "the job's beginning")
    return job, gate


def test_the_first_signal_drains(shop: Shop, store: App) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with shop.start("worker") as worker:
            job, gate = _begun(shop, worker)
            worker.send(number)
            worker.line("draining", "1 running, up to 30s. Press Ctrl+C again")
            gate.touch()
            worker.line("done", job)
            assert worker.end() == 0, worker.output
            assert worker.lines[-1].endswith("1 done · 0 retried · 0 failed · 0 handed back")
        assert store.job(job).state == "succeeded"
        gate.unlink()
        Path(f"{gate}.started").unlink()


def test_the_second_signal_gives_back_at_once(shop: Shop, store: App) -> None:
    with shop.start("worker") as worker:
        job, _ = _begun(shop, worker, "forever")
        worker.send(signal.SIGTERM)
        worker.line("draining")
        worker.send(signal.SIGTERM)
        worker.line("stopping", "handing back")
        assert worker.end() == 0, worker.output
        assert "1 handed back" in worker.lines[-1]
    record = store.job(job).record
    assert (record.state, record.failures, record.crashes) == ("queued", 0, 0)


def test_a_drain_timeout_gives_back(shop: Shop, store: App) -> None:
    with shop.start("worker", "--drain-timeout", "100ms") as worker:
        job, _ = _begun(shop, worker, "forever")
        worker.send(signal.SIGTERM)
        assert worker.end() == 0
    assert store.job(job).state == "queued"


def _children(fleet: Running) -> list[psutil.Process]:
    return [child for child in psutil.Process(fleet.process.pid).children() if "--name" in child.cmdline()]


def test_processes_share_the_work_and_a_killed_one_is_replaced(shop: Shop, store: App) -> None:
    with shop.start("worker", "--processes", "2", "-c", "1", "--name", "fleet") as fleet:
        fleet.line("longshore ", "fleet x 2")
        workers = until(lambda: len(docs := store.store.list("worker")) == 2 and docs, "both workers")
        assert {name.partition(".")[0] for name in workers} == {"fleet"}
        job, gate = _begun(shop, fleet)
        holder = until(lambda: store.job(job).record.worker, "a holder")
        os.kill(workers[holder]["pid"], signal.SIGKILL)
        fleet.line("fleet", holder, "killed by SIGKILL")
        gate.touch()
        fleet.line("done", job)
        until(lambda: len(set(store.store.list("worker")) - {holder}) == 2, "the replacement")
        fleet.send(signal.SIGTERM)
        assert fleet.end() == 0, fleet.output
    record = store.job(job).record
    assert (record.state, record.attempt, record.crashes) == ("succeeded", 2, 1)
    assert store.store.list("worker") == {}


def test_a_fleet_that_bursts_ends_by_itself(shop: Shop, store: App) -> None:
    shop.tasks["quick"].enqueue_many([(number,) for number in range(50)])
    said = shop.run("worker", "--processes", "2", "--burst")
    assert said.code == 0, said
    assert {job.state for job in found(store)} == {"succeeded"}


def test_workers_do_not_outlive_a_killed_supervisor(shop: Shop, store: App) -> None:
    with shop.start("worker", "--processes", "2") as fleet:
        until(lambda: len(store.store.list("worker")) == 2, "both workers")
        children = _children(fleet)
        assert len(children) == 2
        fleet.send(signal.SIGKILL)
        assert fleet.end() == -signal.SIGKILL
        until(lambda: not any(child.is_running() for child in children), "the workers' end")


def test_logging_that_the_app_set_up_is_left_alone(shop: Shop) -> None:
    shop.write(
        "tasks.py",
        "import logging\nlogging.basicConfig(format='MINE %(message)s', level='INFO')\n" + _tasks(shop),
    )
    shop.add("hello", name="you")
    assert "MINE greeting you" in shop.run("worker", "--burst").err


def _tasks(shop: Shop) -> str:
    return (shop.folder / "tasks.py").read_text()


def test_dev_runs_a_script_under_its_own_name(shop: Shop) -> None:
    shop.write("sub/report.py", "import helper\n" + _tasks(shop).replace("sqlite:///jobs.db", shop.url))
    shop.write("sub/helper.py", "")
    with shop.start("dev", "sub/report.py", "--no-reload") as dev:
        dev.line("app report:app (from sub/report.py)")
        (shop.folder / "tasks.py").unlink()
        shop.write("report.py", _report(shop))
        said = shop.run("enqueue", "report.hello", "name=you", "--app", "report:app", "--wait")
        assert said.out == "Hello, you!\n", said


def _report(shop: Shop) -> str:
    return (shop.folder / "sub" / "report.py").read_text().replace("import helper\n", "")


def test_dev_starts_again_when_a_file_changes(shop: Shop) -> None:
    before = _tasks(shop)
    with shop.start("dev", "tasks.py") as dev:
        dev.line("restarts when a Python file changes")
        dev.line("queues")
        shop.write("tasks.py", before.replace("Hello, {name}!", "Good day, {name}!"))
        dev.line("changed: tasks.py; restarting")
        dev.line("queues", number=2)
        assert shop.run("enqueue", "hello", "name=you", "--wait").out == "Good day, you!\n"
        shop.write("tasks.py", "def f(:\n")
        dev.line("SyntaxError")
        dev.line("the worker ended; it starts again when a file changes")
        shop.write("tasks.py", before)
        dev.line("queues", number=3)
        dev.send(signal.SIGINT)
        assert dev.end() == 0, dev.output


def test_dev_says_what_is_missing_for_restarts(shop: Shop) -> None:
    shop.write("watchfiles.py", "raise ImportError('not installed')\n")
    with shop.start("dev", "tasks.py") as dev:
        dev.line("no restart at changes", "longshore[cli]")
        dev.line("queues")
        dev.send(signal.SIGTERM)
        assert dev.end() == 0


def test_dev_of_a_file_that_is_not_there(shop: Shop, refused: Callable[..., None]) -> None:
    refused(shop.run("dev", "nosuch.py", "--no-reload"), 2, "nosuch.py", "tasks.py")
    refused(shop.run("dev", "nosuch:app", "--no-reload"), 2, "nosuch")
