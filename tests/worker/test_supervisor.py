"""Several worker processes under one: dead ones are replaced and their jobs given back; none outlives it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest
from zoo_place import Zoo

from longshore.testing.processes import Program
from longshore.testing.waiting import until
from longshore.worker.death import how
from longshore.worker.supervisor import PAUSE_FIRST, PAUSE_LAST


def workers(fleet: Program) -> dict[str, int]:
    """name → pid of every worker that ever said that it is here."""
    said = (
        line.split() for line in list(fleet.lines) if line.startswith("worker fleet:") and "died" not in line
    )
    return {words[1]: int(words[2]) for words in said}


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def fleet(zoo_of: Zoo) -> Iterator[Program]:
    program = zoo_of.program("fleet_child.py")
    # In the store they are told of once they listen to signals; before that, SIGTERM just ends them.
    until(lambda: len(workers(program)) == len(zoo_of.app.store.list("worker")) == 2, "two workers")
    yield program
    program.close()
    for pid in workers(program).values():
        with suppress(ProcessLookupError):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def test_the_first_sigterm_drains_them_all(zoo_of: Zoo, fleet: Program) -> None:
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its first run")
    fleet.signal(signal.SIGTERM)
    fleet.line("stopping the workers")
    zoo_of.go.touch()
    assert fleet.end() == 0
    assert zoo_of.app.job(job).state == "succeeded"
    assert sum(line.startswith("drained") for line in fleet.lines) == 2
    assert not any(alive(pid) for pid in workers(fleet).values())


def test_the_second_sigterm_gives_back_at_once(zoo_of: Zoo, fleet: Program) -> None:
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its first run")
    fleet.signal(signal.SIGTERM)
    fleet.line("stopping the workers")
    fleet.signal(signal.SIGTERM)
    fleet.line("telling the workers to give their jobs back now")
    assert fleet.end() == 0
    record = zoo_of.app.job(job).record
    # (The other worker may have claimed it once more before it heard of the end itself.)
    assert (record.state, record.failures, record.crashes) == ("queued", 0, 0)


def test_a_dead_worker_is_replaced_and_its_job_given_back_at_once(zoo_of: Zoo, fleet: Program) -> None:
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its first run")
    name = str(zoo_of.app.job(job).record.worker)
    os.kill(workers(fleet)[name], signal.SIGKILL)
    said = fleet.line(f"worker {name} died")
    assert "its process was killed by SIGKILL; another starts in 0.5 s" in said
    until(lambda: zoo_of.begun(job) == 2, "its second run")
    until(lambda: len(workers(fleet)) == 3, "the new worker")
    zoo_of.go.touch()
    assert zoo_of.app.job(job).result(20) == 2
    assert zoo_of.app.job(job).record.crashes == 1
    fleet.signal(signal.SIGTERM)
    assert fleet.end() == 0


def test_workers_end_when_the_supervisor_is_killed(zoo_of: Zoo, fleet: Program) -> None:
    [job] = zoo_of.enqueue("zoo.hold")
    until(lambda: zoo_of.begun(job), "its first run")
    pids = workers(fleet).values()
    zoo_of.go.touch()
    fleet.signal(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), "the end of its workers")
    assert zoo_of.app.job(job).result(0) == 1


def test_a_poisonous_job_is_held_and_its_companions_are_not(zoo_of: Zoo) -> None:
    before = zoo_of.enqueue("zoo.note", 100)
    [poison] = zoo_of.enqueue("zoo.poison")
    after = zoo_of.enqueue("zoo.note", 100)
    # One worker at first: the poison and its companions are leased together.
    fleet = zoo_of.program("fleet_child.py", ZOO_FLEET="1", ZOO_LEASE="30")
    job = until(lambda: (seen := zoo_of.app.job(poison)).done and seen, "the poison to be held")
    innocent = [zoo_of.app.job(one) for one in before + after]
    for one in innocent:
        assert one.result(20) >= 1
    assert job.state == "held"
    assert (
        job.reason == f"crashed 3 times; last worker {job.record.worker}: its process was killed by SIGKILL"
    )
    assert job.record.crashes == zoo_of.begun(poison) == 3
    assert max(one.record.crashes for one in innocent) <= 1
    fleet.signal(signal.SIGTERM)
    assert fleet.end() == 0


def test_how_a_process_ended_and_how_long_it_pauses() -> None:
    assert how(-9) == "its process was killed by SIGKILL"
    assert how(-40) == "its process was killed by signal 40"
    assert how(3) == "its process exited with status 3"
    assert PAUSE_FIRST < PAUSE_LAST
