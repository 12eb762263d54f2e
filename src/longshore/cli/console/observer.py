"""Listens to a worker and prints what it does, in a thread of its own: printing never holds up work."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from longshore.cli.console.lines import Ended, Started, failure_of, line, tell, verb_of
from longshore.cli.console.tally import tally_text
from longshore.cli.output import one_line
from longshore.cli.times import span
from longshore.worker.observer import Observer

if TYPE_CHECKING:
    from longshore.model import Change, JobRecord
    from longshore.outcome import Outcome
    from longshore.worker.run import Run

#: seconds between two looks at what happened
_TICK: Final = 0.1
#: above so many lines a second there is one line a second instead
RATE: Final = 50.0
#: events kept for printing; more in one tick are only counted
_KEPT: Final = 200
#: warnings printed one by one in a second; the rest are counted
_WARNINGS: Final = 20


class Console(Observer):
    """``write`` prints one text of whole lines; ``tag`` begins each, to tell workers apart.

    What the feed calls only counts and appends.
    """

    def __init__(
        self, write: Callable[[str], object], tag: str = "", drain_timeout: float | None = None
    ) -> None:
        self._write = write
        self._tag = f"[{tag}] " if tag else ""
        self._drain_timeout = drain_timeout
        self.tally: Counter[str] = Counter()
        self._started = 0
        self._settled = 0
        self._last_failure: Ended | None = None
        self._events: deque[Started | Ended] = deque(maxlen=_KEPT)
        self._notices: deque[tuple[float, str]] = deque()
        self._detail = True
        self._seen = 0
        self._budget = RATE
        self._round_at = time.monotonic()
        self._summed: Counter[str] = Counter()
        self._summed_at = self._round_at
        self._wake = threading.Event()
        self._closed = False
        self._unknown: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="longshore-console", daemon=True)
        self._thread.start()

    # -- told by the worker's threads ------------------------------------------------------------------------------

    def begun(self, runs: Sequence[Run]) -> None:
        self._started += len(runs)
        if self._detail:
            now = time.time()
            self._events.extend(Started(now, run.job) for run in runs[-_KEPT:])
        self._stir()

    def ended(self, job: JobRecord, outcome: Outcome, change: Change, seconds: float, accepted: bool) -> None:
        verb = verb_of(outcome, change, accepted)
        self.tally[verb] += 1
        self._settled += 1
        if self._detail or verb == "failed":
            event = Ended(time.time(), job, outcome, change, seconds, accepted)
            if verb == "failed":
                self._last_failure = event
            if self._detail and verb != "refused":  # the worker's log says that
                self._events.append(event)
        if verb == "blocked":
            self._blocked(job)
        self._stir()

    def blocked(self, seconds: float, task: str | None, where: str) -> None:
        self.notice(f"{task or 'a task'} held the event loop for {span(seconds)}, at {where}")

    def overdue(self, run: Run) -> None:
        self.notice(
            f"{run.job.task} {run.job.id} outlived its time-out of {run.task.options.timeout} s; a thread cannot be "
            'stopped, only asked: look at ctx.cancelled in it, or give it executor="process"'
        )

    def stalled(self, why: str | None) -> None:
        if why is None:
            self.say("going on", "the store is back")

    def draining(self, running: int) -> None:
        if not running:
            return
        limit = "" if self._drain_timeout is None else f", up to {span(self._drain_timeout)}"
        self.say("draining", f"{running} running{limit}. Press Ctrl+C again to hand them back now.")

    def _blocked(self, job: JobRecord) -> None:
        """A job of a task nobody here knows; said once a minute for each task."""
        now = time.monotonic()
        if now - self._unknown.get(job.task, -60.0) < 60.0:
            return
        if len(self._unknown) > 1000:
            self._unknown.clear()
        self._unknown[job.task] = now
        self.notice(
            f'unknown task "{job.task}": its jobs are kept and tried again. '
            "Import its module beside the app, and start the worker again"
        )

    # -- told by anybody -------------------------------------------------------------------------------------------

    def first(self, texts: Sequence[str]) -> None:
        """Print these now, before anything else happens."""
        self._flush(texts)

    def notice(self, text: str) -> None:
        """A warning; never left out for speed."""
        self.say("warning", text)

    def say(self, verb: str, text: str) -> None:
        """One line of the worker's own."""
        now = time.time()
        self._notices.append((now, line(now, verb, one_line(text))))
        self._stir()

    def close(self) -> None:
        """Print what is left, and the sums. Returns soon, also where nobody reads what is printed."""
        self._closed = True
        self._wake.set()
        self._thread.join(2.0)

    def _stir(self) -> None:
        if not self._wake.is_set():
            self._wake.set()

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = threading.Event()
        while not self._closed:
            # In the one-line mode also without news: the last second has its line too.
            self._wake.wait(None if self._detail else 1.0)
            self._wake.clear()
            self._flush(self._taken())
            if not self._closed:
                pause.wait(_TICK)
        self._flush([*self._taken(), line(time.time(), "stopped", tally_text(self.tally))])

    def _taken(self) -> list[str]:
        """The lines of this round, in the order in which things happened."""
        now = time.monotonic()
        told = self._warnings()
        self._budget = min(RATE, self._budget + (now - self._round_at) * RATE)
        self._round_at = now
        if self._detail:
            told += self._details(now)
        elif now - self._summed_at >= 1.0 or self._closed:
            told.append((time.time(), self._summary(now)))
        return [text for _, text in sorted(told, key=itemgetter(0))]

    def _warnings(self) -> list[tuple[float, str]]:
        told = [self._notices.popleft() for _ in range(len(self._notices))]
        if len(told) <= _WARNINGS:
            return told
        last = told[_WARNINGS][0]
        return [
            *told[:_WARNINGS],
            (last, line(last, "warning", f"and {len(told) - _WARNINGS:,} more like these")),
        ]

    def _details(self, now: float) -> list[tuple[float, str]]:
        total = self._started + self._settled
        new, self._seen = total - self._seen, total
        events = [self._events.popleft() for _ in range(len(self._events))]
        if new > self._budget:
            self._detail = False
            self._summed, self._summed_at = self._sums(), now
            return [
                (
                    time.time(),
                    line(time.time(), "busy", "too much for a line a job; one line a second from here"),
                )
            ]
        self._budget -= new
        return [(event.at, tell(event)) for event in events]

    def _sums(self) -> Counter[str]:
        return Counter(started=self._started, settled=self._settled, failed=self.tally["failed"])

    def _summary(self, now: float) -> str:
        """One line for all that happened since the last; back to a line a job when it has calmed down."""
        sums, elapsed = self._sums(), max(now - self._summed_at, 1e-6)
        new = sums - self._summed
        running = max(0, sums["started"] - sums["settled"])
        text = f"{new['settled'] / elapsed:,.0f} jobs/s  {running:,} running  {new['failed']:,} failed"
        if new["failed"] and self._last_failure is not None:
            text += f", the last: {failure_of(self._last_failure)}"
        self._summed, self._summed_at = sums, now
        if (new["settled"] + new["started"]) / elapsed < RATE / 2:
            self._events.clear()
            self._seen = sums["started"] + sums["settled"]
            self._detail = True
        return line(time.time(), "busy", text)

    def _flush(self, texts: Sequence[str]) -> None:
        if not texts:
            return
        try:
            self._write("".join(f"{self._tag}{text}\n" for text in texts))
        except (OSError, ValueError):
            # Whoever read it is gone (a pipe's other end, a terminal); the work goes on.
            self._write = len
