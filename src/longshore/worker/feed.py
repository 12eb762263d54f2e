"""The worker's one conversation with the store about its jobs: settle what finished and claim what fits, in one exchange."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from longshore import model
from longshore.dice import between
from longshore.errors import StoreError
from longshore.failpoint import hit
from longshore.model import FINAL, Change, Claim, JobRecord, Progress
from longshore.outcome import Held, Outcome, Parked, Released, change
from longshore.stores.base import Store
from longshore.task import Task
from longshore.worker.ahead import Ahead
from longshore.worker.dealings import Dealings, Dealt
from longshore.worker.executors import Executor
from longshore.worker.name import Name
from longshore.worker.observer import Observer
from longshore.worker.pace import AHEAD_MAX, Pace
from longshore.worker.run import Report, Run
from longshore.worker.stalls import Stalls
from longshore.worker.suspects import Suspects
from longshore.worker.trip import Settled, Trip

_log = logging.getLogger("longshore.worker")

#: seconds between looks at the store when no hint came; the truth behind the hints
POLL = 1.0
#: most outcomes that leave in one exchange
SETTLE_MAX = 2000


class Feed:
    """Runs in a thread of its own. Outcomes that gather while an exchange is under way leave with the next one, so batching
    costs no latency: nothing waits for a batch to fill.
    """

    def __init__(
        self,
        store: Store,
        tasks: Mapping[str, Task[..., Any]],
        seek: Callable[[str], Task[..., Any] | None],
        claim: Claim,
        max_crashes: int,
        observer: Observer,
        report: Report,
        stalls: Stalls,
        name: Name,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._seek = seek
        self._template = claim
        self._max_crashes = max_crashes
        self._observer = observer
        self._report = report
        self.executors: dict[str, Executor] = {}
        #: told when a look at the store found nothing to do and nothing is running
        self.idle: Callable[[], None] | None = None
        #: every job leased to this worker whose outcome is not yet settled, by id
        self.leased: dict[str, JobRecord] = {}
        #: those of them that have a run
        self.runs: dict[str, Run] = {}
        self.counts: Counter[str] = Counter()
        self._outcomes: deque[Settled] = deque()
        self._suspects = Suspects()
        self._wire: Ahead[Dealt] = Ahead("longshore-wire")
        self._wake = threading.Event()
        self.dealings = Dealings(store, name, claim.lease, stalls, self.leased, self._waiting, self._pause)
        self._draining = False
        self._releasing = False
        # When to claim: something hinted; the last claim left more behind; or it is time for a look. `_full`: the last claim
        # brought jobs that had to go back, so there is no use in another before something ended.
        self._hinted = True
        self._more = False
        self._full = False
        #: nothing of the last jobs had to go back: those of the next trip will not have to either
        self._smooth = False
        self._next_look = 0.0
        # How much: see `_room`.
        self._pace = Pace()
        self._cap = claim.limit

    # -- told by others, from any thread -------------------------------------------------------------------------

    def hint(self) -> None:
        """Something may be due."""
        self._hinted = True
        self._wake.set()

    def ended(self, run: Run, outcome: Outcome) -> None:
        """A run came to its end. Only the first word about a run counts."""
        hit("run.after")
        if run.closed:
            return
        run.closed = True
        self._conclude(run.job, outcome, time.monotonic() - run.begun if run.begun else 0.0, run.context.said)

    def forget(self, run: Run) -> None:
        """Its lease was lost: nothing this worker says about it counts any more."""
        run.closed = True
        self.leased.pop(run.job.id, None)
        self.runs.pop(run.job.id, None)
        self.counts["refused"] += 1
        self._wake.set()

    def drain(self) -> None:
        """Claim nothing more; give back what has not begun. `run` returns once everything is settled."""
        self._draining = True
        self._give_back()

    def release_all(self) -> None:
        """Give everything back now: what still runs is told to stop, and whatever it comes to is thrown away."""
        self._draining = self._releasing = True
        hit("shutdown.release")
        self._give_back()

    def last_words(self) -> None:
        """The thread died: settle what has ended and give back the rest. Tried once; else the leases lapse."""
        settled = list(self._outcomes)
        ended = {each.job.id for each in settled}
        now = self._store.now()
        rest = [model.released(job, now) for job in list(self.leased.values()) if job.id not in ended]
        try:
            self._store.apply([each.change for each in settled] + rest)
            self._store.publish({f"queue:{job.queue}" for job in self.leased.values()})
        except StoreError as error:
            _log.warning("its jobs could not be given back, their leases will lapse: %s", error)

    def _give_back(self) -> None:
        for executor in self.executors.values():
            for run in executor.withdraw():
                self.ended(run, Released())
        if self._releasing:
            for run in list(self.runs.values()):
                self.ended(run, Released())
                run.halt(Released())
        self._wake.set()

    def _conclude(
        self, job: JobRecord, outcome: Outcome, seconds: float, said: Progress | None = None
    ) -> None:
        settled = change(job, outcome, self._store.now(), self._max_crashes)
        if said is not None:
            # What the keeper has not written yet must be readable afterwards too.
            settled = replace(settled, values={**settled.values, "progress": msgspec.json.encode(said)})
        self._outcomes.append(Settled(job, outcome, settled, seconds))
        if not self._wake.is_set():
            self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until drained."""
        try:
            while not (self._draining and not self.leased and not self._outcomes):
                self._wake.wait(self._patience())
                self._wake.clear()
                self._share()
                self._step()
        finally:
            self._wire.close()

    def _share(self) -> None:
        """Give back what was leased ahead and does not come to begin: others may begin it sooner."""
        busy = len(self.leased) - len(self._outcomes)
        if self._pace.too_far(busy - self._template.limit) and not self._draining:
            for executor in self.executors.values():
                for run in executor.withdraw():
                    self.ended(run, Released())

    def _patience(self) -> float:
        """Seconds to wait for something to happen."""
        if self._draining:
            return POLL
        if self._room(0) > 0 and (self._hinted or (self._more and not self._full)):
            return 0.0
        until = self._next_look - time.monotonic() if self._room(0) > 0 else POLL
        return max(0.0, min(until, self._suspects.patience()))

    def _room(self, settling: int) -> int:
        """How many jobs to claim, given that so many outcomes leave with the same exchange.

        Free places, and ahead of them what would be done within `pace.AHEAD_SECONDS` anyway: much for tiny jobs, none for
        long ones, which another worker may begin sooner. Half of that at a time, so that the executors have the one half
        to do while the other is under way. Never more than could be kept of the last claim, doubled.
        """
        busy = len(self.leased) - settling - len(self._outcomes)
        most = self._template.limit + self._pace.ahead
        return min(self._cap, most - busy, max(self._template.limit, most // 2))

    def _step(self) -> None:
        trip = self._next_trip()
        if trip is None:
            return
        done = self._travel(trip)
        while True:
            self._account(trip, done)
            # While there is much to do, the next exchange is under way already when the last one's jobs are handed over.
            following = self._next_trip() if done.jobs and self._smooth else None
            answer = None if following is None else self._wire.start(partial(self._travel, following))
            self._arrive(trip, done)
            if following is None or answer is None:
                break
            trip, done = following, answer()
        if self._draining:
            self._give_back()  # of what was not here yet when we were told
        if self.idle is not None and not self.leased:
            if trip.claim is None or self._more or self._hinted:
                self.hint()  # one more look before saying that nothing is left
            else:
                self.idle()

    def _next_trip(self) -> Trip | None:
        """What there is to say to the store now."""
        batch = [self._outcomes.popleft() for _ in range(min(len(self._outcomes), SETTLE_MAX))]
        suspect = self._next_suspect()
        claim = self._claim(len(batch))
        if not batch and suspect is None and claim is None:
            return None
        return Trip(batch, claim, suspect)

    def _travel(self, trip: Trip) -> Dealt:
        changes = [settled.change for settled in trip.batch]
        if trip.suspect is not None:
            changes.append(model.begun(trip.suspect.job, self._store.now()))
        hit("settle.before")
        done = self._exchange(changes, trip.claim)
        hit("settle.after")
        return done

    def _account(self, trip: Trip, done: Dealt) -> None:
        """What is leased now, and when to look again."""
        self._pace.count(sum(not isinstance(settled.outcome, Released) for settled in trip.batch))
        for settled in trip.batch:
            self.leased.pop(settled.job.id, None)
            self.runs.pop(settled.job.id, None)
        for job in done.jobs:
            self.leased[job.id] = job
        if trip.claim is not None:
            self._plan(trip.claim, done)

    def _arrive(self, trip: Trip, done: Dealt) -> None:
        if trip.claim is not None:
            self._deliver(done.jobs)
        self._settle(trip.batch, done)
        if trip.suspect is not None:
            found = trip.suspect.job.id
            self._begin(trip.suspect, found in done.accepted and found not in done.held)

    def _claim(self, settling: int) -> Claim | None:
        due = (
            self._hinted
            or (self._more and not (self._full and not settling))
            or time.monotonic() >= self._next_look
        )
        room = self._room(settling)
        if self._draining or not due or room <= 0:
            return None
        self._hinted = False
        return replace(self._template, limit=room)

    def _exchange(self, changes: Sequence[Change], claim: Claim | None) -> Dealt:
        """One exchange, however long it takes; outcomes are kept meanwhile."""
        return self.dealings.exchange(changes, lambda: None if self._draining else claim)

    def _waiting(self) -> int:
        return len(self._outcomes)

    def _pause(self, seconds: float) -> None:
        # A hint cuts it short: it may be that of a store that is back. What ends meanwhile does not.
        before, self._hinted = self._hinted, False
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._hinted:
            self._wake.wait(left)
            self._wake.clear()
        self._hinted = self._hinted or before
        self._wake.set()  # again, for what ended

    def _settle(self, batch: Sequence[Settled], done: Dealt) -> None:
        topics: set[str] = set()
        for sent in batch:
            settled = _held(sent, done.held[sent.job.id]) if sent.job.id in done.held else sent
            job, outcome = settled.job, settled.outcome
            accepted = job.id in done.accepted
            if accepted:
                self.counts[settled.change.values["state"]] += 1
                topics.add(self._topic(settled))
            else:
                self.counts["refused"] += 1
                _log.warning(
                    "refused: %s %s attempt %d is no longer ours, its outcome is thrown away",
                    job.task,
                    job.id,
                    job.attempt,
                )
            self._observer.ended(job, outcome, settled.change, settled.seconds, accepted)
        topics.discard("")
        if topics:
            self._store.publish(topics)

    def _topic(self, settled: Settled) -> str:
        state = settled.change.values["state"]
        if state in FINAL or state == "held":
            return f"job:{settled.job.id}"
        # What we gave back because we are full must not wake others who are full as well: they find it when they look.
        if isinstance(settled.outcome, Parked) or (
            isinstance(settled.outcome, Released) and not self._draining
        ):
            return ""
        return f"queue:{settled.job.queue}"

    def _plan(self, claim: Claim, done: Dealt) -> None:
        """When to look again."""
        self._more = len(done.jobs) >= claim.limit
        wait = POLL * between(0.8, 1.2)
        if done.next_at is not None:
            wait = min(wait, max(0.0, done.next_at - self._store.now()))
        self._next_look = time.monotonic() + wait

    def _deliver(self, jobs: Sequence[JobRecord]) -> None:
        lots: dict[str, list[Run]] = {}
        for job in jobs:
            if self._draining:  # told to stop while this claim was under way
                self._conclude(job, Released(), 0.0)
                continue
            task = self._tasks.get(job.task) or self._seek(job.task)
            if task is None:
                self._conclude(job, Parked(self._unknown(job.task)), 0.0)
                continue
            run = self.runs[job.id] = Run(job, task, self._report)
            if job.started_at is None:
                self._suspects.append(run)
            else:
                lots.setdefault(task.kind, []).append(run)
        surplus = 0
        for kind, lot in lots.items():
            surplus += self._hand_over(kind, lot)
        # What had to be given back is not taken again at once: claim less, then more again step by step.
        self._full = surplus > 0
        self._smooth = not surplus
        self._cap = (
            max(1, len(jobs) - surplus) if surplus else min(self._cap * 2, self._template.limit + AHEAD_MAX)
        )

    def _hand_over(self, kind: str, lot: list[Run]) -> int:
        executor = self.executors[kind]
        capacity = executor.capacity()
        keep, back = lot[:capacity], lot[capacity:]
        if keep:
            self._observer.begun(keep)
            executor.submit(keep)
        for run in back:
            self.ended(run, Released())
        return len(back)

    def _unknown(self, name: str) -> str:
        return f'unknown task "{name}": worker {self._template.worker} knows {len(self._tasks)} tasks, not this one'

    # -- jobs that crashed before --------------------------------------------------------------------------------

    def _next_suspect(self) -> Run | None:
        if self._draining:
            for run in self._suspects.withdraw():
                self.ended(run, Released())
            return None
        return self._suspects.next()

    def _begin(self, run: Run, accepted: bool) -> None:
        """Begin a job that crashed before, now that the store knows it begins."""
        if not accepted:
            self.forget(run)
            return
        run.job = run.context.record = replace(run.job, started_at=self._store.now())
        self._hand_over(run.task.kind, [run])


def _held(settled: Settled, instead: Change) -> Settled:
    """What became of an outcome that the store refuses."""
    return Settled(settled.job, Held(instead.values["reason"]), instead, settled.seconds)
