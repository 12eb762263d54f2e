"""The third net: real processes, killed and paused at every named point, and what must hold afterwards.

For a store that outlives its processes, a test is a few lines::

    @pytest.mark.parametrize(("point", "hit"), crash.KILLS)
    def test_a_worker_killed_anywhere_loses_nothing(point, hit, tmp_path):
        crash.CrashNet("sqlite:///...", tmp_path).kill(point, hit)

For one that dies with its process, see `longshore.testing.freeze`. Each method starts from an empty store and folder, and
raises AssertionError with every broken promise (`longshore.testing.invariants`).
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from longshore.job import Job
from longshore.model import Claim
from longshore.testing.crash_worker import NOWHERE
from longshore.testing.invariants import violations
from longshore.testing.processes import Program
from longshore.testing.samples import everything
from longshore.testing.scene import LEASE, SWEEP, Scene
from longshore.testing.waiting import DEADLINE, until

#: Where a worker is killed, and at which hits of the point: the first, and one in full swing where there are many.
KILLS: Final[Sequence[tuple[str, int]]] = (
    ("exchange.before_commit", 1),
    ("exchange.before_commit", 3),
    ("exchange.after_commit", 1),
    ("exchange.after_commit", 3),
    ("apply.before_commit", 1),
    ("run.before", 1),
    ("run.before", 25),
    ("run.after", 1),
    ("run.after", 25),
    ("settle.before", 2),
    ("settle.after", 2),
    ("renew.before", 2),
    ("sweep.between", 1),
    ("progress.before", 1),
    ("shutdown.release", 1),
)
#: Where a producer is killed.
PRODUCER_KILLS: Final = ("add.before_commit", "add.after_commit")
#: Where a worker stands still beyond its lease, and goes on. Not inside a transaction: that would hold up everybody.
PAUSES: Final[Sequence[tuple[str, int]]] = (
    ("exchange.after_commit", 1),
    ("exchange.after_commit", 2),
    ("run.before", 1),
    ("run.after", 1),
    ("settle.before", 2),
    ("settle.after", 2),
    ("renew.before", 2),
    ("progress.before", 1),
)


class CrashNet:
    """``url`` must name the same store in every process; ``folder`` is this net's alone."""

    def __init__(self, url: str, folder: Path, lease: float = LEASE, sweep: float = SWEEP) -> None:
        self._url = url
        self._folder = folder
        self._lease = lease
        self._sweep = sweep
        self._takeovers = 0
        self._acknowledged: set[str] = set()

    # -- the scenarios -------------------------------------------------------------------------------------------

    def kill(self, point: str, hit: int = 1) -> None:
        """A worker dies at its ``hit``-th pass of ``point``, in the middle of its work; another one finishes the work."""
        with self._scene() as scene:
            self._fill(scene)
            with self._worker(scene, point, hit) as victim:
                if point == "shutdown.release":
                    self._interrupt(scene, victim)
                self._died(victim, point)
            self._finish(scene)

    def kill_each(self, point: str, hit: int = 1, workers: int = 3) -> None:
        """So many workers share the work, and each dies at its own ``hit``-th pass of ``point``; another finishes."""
        with self._scene(max_crashes=workers + 2) as scene, ExitStack() as stack:
            self._fill(scene)
            victims = [stack.enter_context(self._worker(scene, point, hit)) for _ in range(workers)]
            if point == "shutdown.release":
                self._interrupt_each(scene, victims)
            # Each pass needs work, and the sweep's need somebody who is gone; who still lives finds both.
            until(lambda: self._all_died(scene, victims), f"all to die at {point}", 4 * DEADLINE)
            for victim in victims:
                self._died(victim, point)
            self._finish(scene)

    def _all_died(self, scene: Scene, victims: Sequence[Program]) -> bool:
        if not any(victim.running for victim in victims):
            return True
        if scene.idle:
            self._fill(scene)
        return False

    def kill_producer(self, point: str, batches: int = 4) -> None:
        """A producer dies while it stores its last batch. What it was told is stored is there, whole batches only."""
        with self._scene() as scene:
            with self._program(scene, point, batches, "--produce", str(batches)) as victim:
                self._died(victim, point)
                acks = [line.split()[1:] for line in victim.lines if line.startswith("ack ")]
            self._acknowledged.update(job for ack in acks for job in ack)
            stored, told = len(everything(scene.app.store)), len(self._acknowledged)
            committed = 5 if point == "add.after_commit" else 0
            _expect(
                stored == told + committed,
                f"{told} acknowledged, then killed at {point}: {stored} are stored",
            )
            self._finish(scene)

    def pause(self, point: str, hit: int = 1) -> None:
        """A worker stands still at ``point`` beyond its lease while another does its jobs; then it may not write."""
        with self._scene() as scene:
            job = self._add([scene.slow.enqueue(0.5)])[0]
            with self._worker(
                scene, point, 2 if point == "renew.before" else 1, "--action", "stop"
            ) as zombie:
                zombie.line("stopped")
                self._takeovers += 1
                self._finish(scene)
                done = job.refresh().record
                zombie.signal(signal.SIGCONT)
                self._stop(zombie)
            _expect(job.refresh().record == done, f"the worker that woke up at {point} wrote all the same")
            self._check(scene)

    def pause_in_a_job(self) -> dict[str, int]:
        """A worker is stopped in the middle of a job, which is then done elsewhere; the counts it ends with."""
        with self._scene() as scene:
            job = self._add([scene.gate.enqueue()])[0]
            with self._worker(scene, NOWHERE, 1, "--action", "stop") as zombie:
                zombie.line("stopped")
                self._takeovers += 1
                self._finish(scene)
                done = job.refresh().record
                zombie.signal(signal.SIGCONT)
                counts = self._stop(zombie)
                said = zombie.output
            _expect(job.refresh().record == done, "the worker that woke up wrote all the same")
            _expect(counts.get("refused") == 1, f"its late outcome was not counted as refused: {counts}")
            _expect("refused:" in said or "lost:" in said, f"and not logged:\n{said}")
            self._check(scene)
            return counts

    def pause_each(self, workers: int = 3) -> None:
        """So many workers are stopped, each in the middle of a job of its own. Another does all; they are refused."""
        with self._scene() as scene, ExitStack() as stack:
            jobs = self._add(scene.gate.enqueue_many([()] * workers))
            zombies = [
                stack.enter_context(self._worker(scene, NOWHERE, 1, "--action", "stop", "--concurrency", "1"))
                for _ in range(workers)
            ]
            for zombie in zombies:
                zombie.line("stopped")
                self._takeovers += 1
            self._finish(scene)
            done = [job.refresh().record for job in jobs]
            for zombie in zombies:
                zombie.signal(signal.SIGCONT)
            counts = [self._stop(zombie).get("refused") for zombie in zombies]
            said = ["refused:" in one.output or "lost:" in one.output for one in zombies]
            _expect(
                [job.refresh().record for job in jobs] == done, "a worker that woke up wrote all the same"
            )
            _expect(counts == [1] * workers, f"late outcomes were not each counted as refused: {counts}")
            _expect(all(said), "and not each logged")
            self._check(scene)

    def storm(self, workers: int = 3, kills: int = 10, jobs: int = 2000, seed: int = 0) -> None:
        """So many workers work on so many jobs, and one at random is killed again and again, and replaced."""
        chance = random.Random(seed)
        # Any job may be the one that runs when somebody else's kill comes, more than once: none is held for it.
        with self._scene(max_crashes=kills + 1) as scene, ExitStack() as stack:
            programs = [stack.enter_context(self._worker(scene)) for _ in range(workers)]
            for _ in range(kills):
                before = len(scene.ledger.starts())
                self._add(scene.note.enqueue_many([(0.005,)] * (jobs // kills)))
                enough = before + jobs // kills // 2
                self._started(scene, enough)
                place = chance.randrange(workers)
                programs[place].signal(signal.SIGKILL)
                self._died(programs[place], "random")
                programs[place] = stack.enter_context(self._worker(scene))
            self._finish(scene, helper=False)
            # The one that came last may not listen to signals yet, and would just end.
            until(lambda: {one.pid for one in programs} <= self._listening(scene), "all workers to be there")
            for program in programs:
                self._stop(program)
            self._check(scene)

    # -- their steps ---------------------------------------------------------------------------------------------

    def _scene(self, max_crashes: int = 3) -> Scene:
        return Scene(self._url, self._folder / "ledger", self._lease, self._sweep, max_crashes)

    def _fill(self, scene: Scene) -> None:
        """Work of every kind; some under the lapsed lease of a worker that is gone: something to rescue."""
        self._add([*scene.note.enqueue_many([()] * 3)])
        scene.app.store.exchange((), Claim("gone", 3, 0.01))
        self._takeovers += 1
        self._add([*scene.note.enqueue_many([()] * 20), *scene.anote.enqueue_many([()] * 20)])
        self._add([scene.slow.enqueue(0.4)])

    def _add(self, jobs: Iterable[Job[int]]) -> list[Job[int]]:
        added = list(jobs)
        self._acknowledged.update(job.id for job in added)
        return added

    def _program(self, scene: Scene, point: str, hit: int, *more: str) -> Program:
        return Program(
            *("-m", "longshore.testing.crash_worker", self._url, point, str(hit)),
            *("--ledger", str(scene.ledger.path), "--lease", str(self._lease), "--sweep", str(self._sweep)),
            *("--max-crashes", str(scene.app.max_crashes), *more),
        )

    def _worker(self, scene: Scene, point: str = NOWHERE, hit: int = 1, *more: str) -> Program:
        program = self._program(scene, point, hit, *more)
        try:
            program.line("ready")
        except BaseException:
            program.close()
            raise
        return program

    def _interrupt(self, scene: Scene, victim: Program) -> None:
        """Tell it to stop, and once more, while a job runs that it would have to give back."""
        job = self._add([scene.gate.enqueue()])[0]
        until(lambda: scene.begun(job.id), "the job's first run")
        victim.signal(signal.SIGTERM)
        victim.line("signal 1")
        victim.signal(signal.SIGTERM)

    def _interrupt_each(self, scene: Scene, victims: Sequence[Program]) -> None:
        """As `_interrupt`, once every one of them has such a job."""
        gates: set[str] = set()

        def all_at_gates() -> bool:
            holders = {start.pid for start in scene.ledger.starts() if start.job in gates}
            if holders.issuperset(victim.pid for victim in victims):
                return True
            gates.update(job.id for job in self._add([scene.gate.enqueue()]))
            return False

        until(all_at_gates, "a job for each worker that does not end")
        for victim in victims:
            victim.signal(signal.SIGTERM)
            victim.line("signal 1")
            victim.signal(signal.SIGTERM)

    def _started(self, scene: Scene, starts: int) -> None:
        until(lambda: len(scene.ledger.starts()) >= starts, f"{starts} starts")

    def _died(self, victim: Program, point: str) -> None:
        code = victim.end()
        _expect(
            code == -signal.SIGKILL,
            f"it was never killed at {point}, but ended with {code}:\n{victim.output}",
        )
        self._takeovers += 1

    def _listening(self, scene: Scene) -> set[int]:
        return {doc["pid"] for doc in scene.app.store.list("worker").values()}

    def _stop(self, program: Program) -> dict[str, int]:
        program.signal(signal.SIGTERM)
        code = program.end()
        _expect(code == 0, f"a worker told to stop ended with {code}:\n{program.output}")
        counts: dict[str, int] = json.loads(program.line("ended"))
        return counts

    def _finish(self, scene: Scene, helper: bool = True) -> None:
        """Recovery, on a quiet queue: nothing more is enqueued, and nobody does anything by hand."""
        with ExitStack() as stack:
            if helper:
                stack.enter_context(scene.app.worker(concurrency=20))
            until(lambda: scene.idle, "the end of all jobs")
        self._check(scene)

    def _check(self, scene: Scene) -> None:
        history = scene.history(self._acknowledged, self._takeovers)
        broken = violations(history) + damage(self._url)
        _expect(not broken, "\n".join(broken))


def damage(url: str) -> list[str]:
    """What SQLite's own check finds wrong with the file; nothing for other stores."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return []
    with closing(sqlite3.connect(unquote(parts.path)[1:])) as connection:
        rows = [text for (text,) in connection.execute("PRAGMA integrity_check")]
    return [] if rows == ["ok"] else rows


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)
