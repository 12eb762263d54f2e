"""Five real workers, killed at random, and a schedule that ticks all the time: every tick becomes one job."""

from __future__ import annotations

import random
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from longshore import App
from longshore.model import JobRecord, Where
from longshore.testing.processes import Program
from longshore.testing.waiting import until

WORKER = Path(__file__).with_name("tick_worker.py")


def ticks(app: App) -> list[JobRecord]:
    """The jobs of the schedule, oldest first."""
    return app.store.find(Where(task="second"), 10_000)[::-1]


def ended(jobs: list[JobRecord]) -> int:
    """How many there are, if all have succeeded."""
    return len(jobs) if all(job.state == "succeeded" for job in jobs) else 0


def scene(url: str, folder: Path, workers: int, most: int, period: float, seed: int) -> None:
    """Let so many workers make so many ticks; kill one with each tick; then look at every tick there was."""
    if url == "memory://":
        return  # in one process only
    ledger = folder / "ledger"
    ledger.touch()
    chance, app = random.Random(seed), App(url)
    with ExitStack() as stack:

        def start() -> Program:
            program = stack.enter_context(Program(str(WORKER), url, str(ledger), str(period)))
            program.line("ready")
            return program

        programs = [start() for _ in range(workers)]
        until(lambda: bool(ticks(app)), "the first tick")
        while (count := len(ticks(app))) < most:
            place = chance.randrange(workers)
            programs[place].signal(signal.SIGKILL)
            programs[place].end()
            programs[place] = start()
            until(lambda count=count: len(ticks(app)) > count, "the next tick")  # type: ignore[misc]
        sure = until(lambda: ended(ticks(app)), "the end of all jobs")
        for program in programs:
            program.signal(signal.SIGTERM)
            program.end()
    found = ticks(app)
    times = [job.run_at for job in found]
    begun = app.schedules.kept().entries["second"].since
    assert times == pytest.approx([begun + n * period for n in range(1, len(found) + 1)], abs=1e-4), (
        "doubled or missing"
    )
    # What ticks while the workers end, one after the other, may be left to those that come next.
    assert ended(found[:sure])
    # A killed worker's run is repeated; the job is the same.
    ran = [line.split() for line in ledger.read_text().splitlines()]
    assert len({job for _, job in ran}) == len({tick for tick, _ in ran})
    assert sure <= len({job for _, job in ran}) <= len(found)
    app.close()


def test_five_workers_killed_at_random(url: str, tmp_path: Path) -> None:
    scene(url, tmp_path, workers=5, most=6, period=0.5, seed=5)


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(2))
def test_five_workers_killed_at_random_for_minutes(url: str, tmp_path: Path, seed: int) -> None:
    scene(url, tmp_path, workers=5, most=180, period=1.0, seed=seed)
