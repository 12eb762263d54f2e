"""Task queues in processes of their own, killed in the middle of a task."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from longshore.compat.pulsar.tasks import SUCCESS, TaskQueue
from longshore.testing.processes import Program
from longshore.testing.waiting import until

PROGRAM = Path(__file__).with_name("pulsar_worker.py")


@pytest.mark.parametrize(
    ("url", "workers"),
    [("sqlite", 1), ("postgresql", 1), ("redis", 1), ("sqlite", 2)],
    indirect=["url"],
)
def test_a_task_survives_kill_9(url: str, queue: TaskQueue, tmp_path: Path, workers: int) -> None:
    """Two programs of one worker, and one program of two workers: nothing is lost, nothing overlaps."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    ledger.touch()
    backend = queue.backend

    def pids() -> list[int]:
        return [int(line) for line in ledger.read_text().split()]

    with ExitStack() as stack:
        programs = [
            stack.enter_context(Program(str(PROGRAM), url, str(workers))) for _ in range(2 // workers)
        ]
        for program in programs:
            program.line("ready")
        task_id = backend.queue_task("guarded", ledger=str(ledger), gate=str(gate)).result()
        [pid] = until(pids, "the first run")
        assert (pid in {program.pid for program in programs}) is (workers == 1)
        os.kill(pid, signal.SIGKILL)
        assert backend.queue_task("guarded").result() is None, "the lock outlives the process"
        # The leases of two workers under one program last 15 s: what a dead one held is given back sooner.
        until(lambda: len(pids()) == 2, "the second run", timeout=20 if workers == 1 else 12)
        assert pids()[1] != pid
        gate.touch()
        task = backend.wait_for_task(task_id, timeout=20).result()
        assert (task.status, task.result, len(pids())) == (SUCCESS, task_id, 2)
        again = backend.queue_task("guarded", ledger=str(ledger), gate=str(gate)).result()
        assert backend.wait_for_task(again, timeout=20).result().status == SUCCESS
        for program in programs:
            if program.running:
                program.signal(signal.SIGTERM)
                program.end()
        told = "\n".join(program.output for program in programs)
        assert "Logging error" not in told
        if workers == 2:
            assert "WARNING:pulsar:worker" in told
            assert "INFO:pulsar:stopping the workers" in told
