"""Makes jobs of due ticks. Every worker does; there is no leader.

The job of a tick has an id made of the schedule and the tick's time, and a store never stores one id twice: whoever comes
second adds nothing. How far a schedule is, is written down after its jobs are stored: a worker killed in between
leaves a tick that is added again, and is there already.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from longshore.context import Context
from longshore.dice import between
from longshore.errors import StoreError
from longshore.model import JobRecord
from longshore.periodic.declared import Declared
from longshore.periodic.entry import Entry
from longshore.periodic.schedules import Kept, Schedules
from longshore.schedules.paced import Paced
from longshore.stores.base import Store, Subscription
from longshore.task import Task
from longshore.ticks import GRACE, Cursor, Overlap, advanced, begin, due, moment, rewound, tick_id

T = TypeVar("T")
_log = logging.getLogger("longshore.worker")

#: seconds between looks at the schedules when no hint came
POLL: Final = 2.0
#: Seconds a new schedule is left alone: two workers that store it at once agree by then on when it began.
SETTLE: Final = 1.0
#: A round that took longer than this was interrupted (a suspended machine, a stopped process): what it planned may be old.
STALE: Final = 5.0


class Plan(NamedTuple):
    """What a round is to do for one schedule."""

    entry: Entry
    task: Task[..., Any]
    cursor: Cursor
    overlap: Overlap
    #: those to try, in seconds since the epoch, and the seconds until the next one
    ticks: list[float]
    wait: float
    #: each tick is known by the one before it, rather than by its own time
    paced: bool = False


class Ticker:
    """``added`` is told after jobs were stored; ``alone`` says, at the start, whether no other worker is at work."""

    def __init__(
        self,
        store: Store,
        schedules: Schedules,
        tasks: Mapping[str, Task[..., Any]],
        added: Callable[[], object],
        alone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._schedules = schedules
        self._tasks = tasks
        self._added = added
        self._alone = alone
        self._wake = threading.Event()
        self._stopped = False
        self._late = between(0, 0.03)
        #: whether every schedule that was there at the start had its turn
        self.ready = False
        # Up to when each was dealt with: a rare tick is not looked for twice in the same long time, and a slow worker that
        # overwrites the cursor with an older one turns nobody back.
        self._looked: dict[tuple[str, float], float] = {}
        self._seen: dict[tuple[str, float], float] = {}
        self._holders: dict[str, tuple[str, Subscription]] = {}
        self._complaints: dict[str, str] = {}

    # -- told by others, from any thread -------------------------------------------------------------------------

    def changed(self) -> None:
        """A schedule changed, or what one waits for has ended."""
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until stopped."""
        registered = False
        while not self._stopped:
            try:
                if not registered:
                    self._schedules.register()
                    registered = True
                wait = self.step()
            except StoreError as error:
                _log.debug("ticker: %s", error)
                wait = 0.5
            self._wake.wait(wait)
            self._wake.clear()
        for _, waiting in self._holders.values():
            waiting.close()

    def step(self) -> float:
        """One round: make jobs of what is due; seconds until the next tick, at most `POLL`."""
        began = time.monotonic()
        kept, now = self._schedules.kept(), self._store.now()
        young = self._young(kept, now)
        plans, changed, wait = {}, {}, POLL
        alone = not self.ready and self._alone()
        for key, entry in kept.entries.items():
            if key in young:
                wait = min(wait, young[key])
                continue
            plan = self._guarded(key, self._plan, key, entry, kept, now, alone)
            if plan is None:
                continue
            plans[key] = plan
            if plan.cursor.generation and plan.cursor != kept.cursors.get(key):
                changed[key] = plan.cursor
            wait = min(wait, plan.wait)
        if not self._add(plans, changed, now, began):
            return 0.0
        self._forget(kept)
        if not young and not self.ready:
            self._added()
            self.ready = True
        return wait

    def _young(self, kept: Kept, now: float) -> dict[str, float]:
        """Schedules that began just now, and for how long they are left alone. By our own watch too: the clock may stand."""
        left = {}
        for key, entry in kept.entries.items():
            first = self._seen.setdefault((key, entry.since), time.monotonic())
            wait = SETTLE - max(abs(now - entry.since), time.monotonic() - first)
            if wait > 0:
                left[key] = wait
        return left

    def _guarded(self, key: str, work: Callable[..., T], *args: Any) -> T | None:
        """What it gives; None where it fails: a user's function in one schedule must not stop the others."""
        try:
            return work(*args)
        except StoreError:
            raise
        except Exception as error:
            if self._complaints.get(key) != repr(error):
                self._complaints[key] = repr(error)
                _log.exception("schedule %s: its ticks cannot be told", key)
            return None

    def _plan(self, key: str, entry: Entry, kept: Kept, now: float, alone: bool) -> Plan | None:
        """None: it is none of this worker's business, or paused."""
        declared = self._schedules.declared.get(key)
        task = self._tasks.get(entry.task)
        paused, at = kept.pauses.get(key, (False, 0.0))
        if task is None or paused or (entry.declared and declared is None):
            return None
        rule = entry.schedule() or (declared.schedule if declared is not None else None)
        if rule is None:
            return None
        schedule = rule.begun(moment(entry.since))
        cursor = kept.cursors.get(key)
        if cursor is None or cursor.since != entry.since:
            cursor = begin(rule, entry.since, cursor)
        back = rewound(schedule, cursor, now)
        if back is not None:
            _log.warning("schedule %s: the clock was set back by %.0f s", key, cursor.last - now)
            cursor = back
        if isinstance(schedule, Paced):
            last = max(cursor.last, at if at <= now else 0.0)
            return self._plan_paced(entry, task, declared, cursor, schedule.wait(moment(last)), now)
        # Nobody looked for a while: this process was suspended or cut off, or begins where others have ended.
        looked = self._looked.get((key, entry.since), 0.0)
        resumed = now - looked > GRACE.total_seconds() if looked else alone and key in kept.cursors
        # Of times ahead only the cursor counts: a clock that was set back makes nonsense of the others.
        last = max(cursor.last, at if at <= now else 0.0, looked if looked <= now else 0.0)
        found = due(schedule, moment(last), moment(now), entry.catch_up, entry.bound, resumed=resumed)
        ticks = [tick.timestamp() for tick in found]
        if cursor.pending is not None:
            ticks.insert(0, cursor.pending)
        overlap = self._overlap(entry, declared, ticks)
        soon = schedule.within(moment(now), moment(now + POLL))
        wait = POLL if soon is None else soon.timestamp() - now + self._late
        return Plan(entry, task, cursor, overlap, ticks, wait)

    def _plan_paced(
        self,
        entry: Entry,
        task: Task[..., Any],
        declared: Declared | None,
        cursor: Cursor,
        wait: float,
        now: float,
    ) -> Plan:
        ticks = [] if wait > 0 else [now]
        overlap = self._overlap(entry, declared, ticks)
        # A tick that waited would leave unsaid from when the next one counts.
        overlap = "skip" if overlap == "queue" else overlap
        # No two ticks of one moment.
        return Plan(entry, task, cursor, overlap, ticks, min(POLL, max(wait, 0.05) + self._late), paced=True)

    def _overlap(self, entry: Entry, declared: Declared | None, ticks: list[float]) -> Overlap:
        if entry.overlap != "code":
            return entry.overlap
        return declared.ask() if declared is not None and ticks else "allow"

    def _add(self, plans: Mapping[str, Plan], changed: dict[str, Cursor], now: float, began: float) -> bool:
        """Store the jobs, then how far the schedules are. False: what was planned may be old by now; nothing was done."""
        jobs: dict[str, list[JobRecord]] = {}
        failed: set[str] = set()
        for key, plan in plans.items():
            made = self._guarded(key, self._jobs, key, plan, now)
            if made is None:
                failed.add(key)
            elif made:
                jobs[key] = made
        if (jobs or changed) and max(time.monotonic() - began, abs(self._store.now() - now)) > STALE:
            return False
        if jobs or changed:
            self._store_all(plans, jobs, changed)
        self._looked.update(
            {(key, plan.entry.since): now for key, plan in plans.items() if key not in failed}
        )
        return True

    def _store_all(
        self, plans: Mapping[str, Plan], jobs: Mapping[str, list[JobRecord]], changed: dict[str, Cursor]
    ) -> None:
        stored = iter(self._store.add([job for made in jobs.values() for job in made]))
        for key, made in jobs.items():
            got = [next(stored) for _ in made]
            changed[key] = self._advanced(key, plans[key], made, got)
        self._schedules.save(changed)
        if jobs:
            self._store.publish({f"queue:{job.queue}" for made in jobs.values() for job in made})
            self._added()

    def _jobs(self, key: str, plan: Plan, now: float) -> list[JobRecord]:
        generation = plan.cursor.generation
        return [
            plan.entry.job(
                key,
                plan.task,
                tick,
                plan.overlap,
                _after_id(key, plan.cursor) if plan.paced else tick_id(key, tick, generation),
                now,
                moment(tick).isoformat(),
            )
            for tick in plan.ticks
        ]

    def _advanced(self, key: str, plan: Plan, made: list[JobRecord], got: list[JobRecord]) -> Cursor:
        accepted = [one.id == other.id for one, other in zip(made, got, strict=True)]
        ticks = plan.ticks
        if plan.paced:
            # Who came second goes on from the tick that is there.
            ticks = [
                _tick_of(job) if taken else tick
                for job, taken, tick in zip(got, accepted, ticks, strict=True)
            ]
        cursor = advanced(plan.cursor, ticks, accepted, plan.overlap)
        waiting = self._holders.pop(key, None)
        if waiting is not None:
            waiting[1].close()
        if cursor.pending is not None:
            holder = next(job.id for job, taken in zip(got, accepted, strict=True) if not taken)
            self._holders[key] = (holder, self._store.subscribe([f"job:{holder}"], self.changed))
        return cursor

    def _forget(self, kept: Kept) -> None:
        """Drop what is remembered of schedules that were removed."""
        live = {(key, entry.since) for key, entry in kept.entries.items()}
        self._looked = {key: time for key, time in self._looked.items() if key in live}
        self._seen = {key: time for key, time in self._seen.items() if key in live}


def _after_id(key: str, cursor: Cursor) -> str:
    """The id of the tick that follows the last one, whenever that will be."""
    return tick_id(f"{key}\0after", cursor.last, cursor.generation)


def _tick_of(job: JobRecord) -> float:
    tick = Context(job).tick
    return job.run_at if tick is None else tick.timestamp()
