"""Several workers under load, a producer, and what each of their threads shows after the server's return."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from reconnect_worker import PLACES, make

from longshore.errors import StoreError
from longshore.model import HOLDING, Where
from longshore.testing.invariants import History, violations
from longshore.testing.ledger import Ledger
from longshore.testing.processes import Program
from longshore.testing.samples import everything
from longshore.testing.waiting import until

#: What is promised: every worker consumes again so many seconds after the server's return.
SOON = 10.0
#: and hears again, which costs only latency, after so many
HEARS = 15.0
#: starts that show that a worker claims: more than it can have held before
STARTS = 3 * PLACES
#: jobs that wait, so that every worker has something to do
BACKLOG = 250
CHILD = str(Path(__file__).with_name("reconnect_worker.py"))


class Counted:
    """How often each name began a line of a growing file."""

    def __init__(self, path: Path, column: int = 0) -> None:
        self._path, self._column, self._at = path, column, 0
        self.counts: Counter[str] = Counter()

    def look(self) -> Counter[str]:
        if self._path.exists():
            with self._path.open() as file:
                file.seek(self._at)
                for line in file:
                    if not line.endswith("\n"):
                        break
                    self._at += len(line)
                    self.counts[line.split()[self._column]] += 1
        return Counter(self.counts)


class Fleet:
    def __init__(self, url: str, folder: Path, workers: int, silence: float | None = None) -> None:
        self.url, self.folder = url, folder
        self._more = () if silence is None else (str(silence),)
        self.names = [f"w{n}" for n in range(workers)]
        self.app = make(url, folder)
        self.acknowledged: set[str] = set()
        self.refused = 0
        self.troubles = 0
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._producer = threading.Thread(target=self._produce)
        self.starts = Counted(folder / "ledger", 2)
        self.ticks, self.heard = Counted(folder / "ticks"), Counted(folder / "heard")

    def __enter__(self) -> Self:
        self.programs = [
            self._stack.enter_context(Program(CHILD, self.url, str(self.folder), name, *self._more))
            for name in self.names
        ]
        for program in self.programs:
            program.line("ready")
        self._producer.start()
        self.works_after(time.monotonic(), 60.0)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._producer.join()
        self._stack.close()
        self.app.close()

    def _produce(self) -> None:
        """Keep a backlog, whatever happens; remember what was acknowledged."""
        note, ledger, stored = self.app.tasks["note"], Counted(self.folder / "ledger", 2), 0
        while not self._stop.wait(0.05):
            if stored - sum(ledger.look().values()) > BACKLOG:
                continue
            try:
                jobs = note.enqueue_many([(0.05,)] * 50)
            except StoreError:
                self.refused += 1
            else:
                self.acknowledged.update(job.id for job in jobs)
                stored += len(jobs)

    # -- what is seen ----------------------------------------------------------------------------------------------

    def stalls(self) -> list[int]:
        """How often each worker has said that it stalls."""
        return [sum(line.startswith("WARNING stalled:") for line in one.lines) for one in self.programs]

    def _ends(self) -> list[int]:
        return [sum(line.startswith("WARNING going on:") for line in one.lines) for one in self.programs]

    def stalled_more_than(self, before: list[int]) -> bool:
        return all(now > then for now, then in zip(self.stalls(), before, strict=True))

    def works_after(self, back: float, soon: float = SOON) -> float:
        """Wait until every worker consumes again; the seconds since ``back``."""
        pids, before = [str(one.pid) for one in self.programs], self.starts.look()
        until(
            lambda: all(self.starts.look()[pid] - before[pid] >= STARTS for pid in pids),
            "every worker to consume again",
            soon - (time.monotonic() - back),
        )
        return time.monotonic() - back

    def every_thread_works_after(self, back: float) -> float:
        """Wait until keepers beat, tickers tick, couriers carry and ears hear; the seconds since ``back``."""
        ticked = self.ticks.look()
        until(
            lambda: all(self.ticks.look()[name] > ticked[name] + 1 for name in self.names),
            "every ticker to tick and every courier to carry",
            HEARS,
        )
        until(self._beats, "every keeper to beat", HEARS)
        until(lambda: self.stalls() == self._ends(), "no worker to say that it stalls", HEARS)
        until(self._ears, "every ear to hear", HEARS)
        return time.monotonic() - back

    def _beats(self) -> bool:
        try:
            now, beats = self.app.store.now(), self.app.store.list("worker")
        except StoreError:
            return False
        return all(
            beats.get(name, {}).get("state") == "running" and now - beats[name]["beat_at"] < 4.0
            for name in self.names
        )

    def _ears(self) -> bool:
        before = self.heard.look()
        self.app.store.publish(["job:ping"])
        try:
            until(lambda: all(self.heard.look()[name] > before[name] for name in self.names), "a ping", 0.5)
        except AssertionError:
            return False
        return True

    # -- in the end ------------------------------------------------------------------------------------------------

    def finish(self) -> Counter[str]:
        """All jobs end; nothing was lost, nothing recorded twice. How many jobs were started how often."""
        self._stop.set()
        self._producer.join()
        until(self._done, "the end of all jobs", 90.0)
        for program in self.programs:
            program.signal(signal.SIGTERM)
        for program in self.programs:
            assert program.end() == 0, program.output
        jobs = {i: job for i, job in everything(self.app.store).items() if job.task == "note"}
        results = {i: self.app.jobs.decode_result(job) for i, job in jobs.items() if job.state == "succeeded"}
        starts = Ledger(self.folder / "ledger").starts()
        broken = violations(History(frozenset(self.acknowledged), jobs, results, starts, self.troubles))
        assert not broken, "\n".join(broken[:20])
        often = Counter(start.job for start in starts)
        return Counter(f"started {n} times" for n in often.values())

    def _done(self) -> bool:
        try:
            ready = self.app.store.find(_UNFINISHED, 1)
        except StoreError:
            return False
        return not ready


_UNFINISHED = Where(states=tuple(sorted(HOLDING)), task="note")  # type: ignore[arg-type]
