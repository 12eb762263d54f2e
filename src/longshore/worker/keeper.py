"""Keeps what the worker holds, and picks up what others dropped: leases, cancellations, rescue, retention, heartbeat.

A thread of its own, so that neither a blocked event loop nor a busy feed lets a lease lapse. Everything it writes is fenced
and may be done by any number of workers at once: there is no leader.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from longshore import model
from longshore.context import Context
from longshore.dice import between
from longshore.errors import StoreError
from longshore.failpoint import hit
from longshore.model import FINAL, Change, JobRecord, Progress, Where
from longshore.outcome import Cancelled, Outcome, Released
from longshore.stores.base import Store
from longshore.worker.feed import Feed
from longshore.worker.name import Name
from longshore.worker.observer import Observer
from longshore.worker.run import Run
from longshore.worker.stalls import Stalls

_log = logging.getLogger("longshore.worker")

#: seconds between two looks at runs that may have outlived their time-out
LOOK = 1.0
#: seconds between two writes of a job's progress
PROGRESS_EVERY = 0.25
#: seconds for which a worker that is not heard of any more is still listed, as stalled
LISTED = 300.0
#: most jobs rescued or removed in one sweep's statement
BATCH = 500


class Keeper:
    def __init__(
        self,
        store: Store,
        feed: Feed,
        name: Name,
        lease: float,
        sweep: float,
        max_crashes: int,
        observer: Observer,
        describe: Callable[[], Mapping[str, Any]],
        timed_out: Callable[[Run], Outcome],
        stalls: Stalls,
    ) -> None:
        self._store = store
        self._feed = feed
        self._name = name
        self._lease = lease
        self._sweep_every = sweep
        self._max_crashes = max_crashes
        self._observer = observer
        self._describe = describe
        self._timed_out = timed_out
        self._stalls = stalls
        self._wake = threading.Event()
        self._stopped = False
        self._asked = False
        self._tell = True
        self._progress: dict[str, tuple[Context, Progress]] = {}

    # -- told by others, from any thread -------------------------------------------------------------------------

    def report(self, context: Context, progress: Progress) -> None:
        """A run's last word on how far it is; written with the next round."""
        self._progress[context.record.id] = (context, progress)
        if not self._wake.is_set():
            self._wake.set()

    def asked(self) -> None:
        """Somebody asked a lease holder for something: look now."""
        self._asked = True
        self._wake.set()

    def changed(self) -> None:
        """What the heartbeat tells has changed: say so now."""
        self._tell = True
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until stopped; then say goodbye."""
        renew = beat = written = 0.0
        sweep = time.monotonic() + between(0, self._sweep_every)
        while not self._stopped:
            now = time.monotonic()
            try:
                if self._tell or now >= beat:
                    self._tell = False
                    self._beat()
                    beat = now + self._lease / 3
                if self._asked or now >= renew:
                    self._asked = False
                    self._renew()
                    renew = now + self._lease / 3
                if now >= sweep:
                    self._sweep()
                    sweep = now + self._sweep_every * between(0.8, 1.2)
                if self._progress and now >= written + PROGRESS_EVERY:
                    self._write_progress()
                    written = now
            except StoreError as error:
                # A lease we cannot renew is for the store to judge when it is back.
                self._stalls.begin("keeper", f"leases cannot be renewed: {error}")
                self._asked = self._tell = False  # or there would be no pause
                renew = beat = 0.0
                self._pause(0.5)
                continue
            self._stalls.end("keeper")
            self._overdue()
            until = min(renew, sweep, beat, written + PROGRESS_EVERY if self._progress else renew)
            if self._feed.runs:
                until = min(until, now + LOOK)
            self._pause(until - time.monotonic())
        self._farewell()

    def _pause(self, seconds: float) -> None:
        # Asked things are urgent; progress can wait for its turn.
        deadline = time.monotonic() + max(0.0, seconds)
        while not (self._stopped or self._asked or self._tell) and (left := deadline - time.monotonic()) > 0:
            if self._wake.wait(min(left, PROGRESS_EVERY) if self._progress else left):
                self._wake.clear()
                if self._progress:
                    deadline = min(deadline, time.monotonic() + PROGRESS_EVERY)

    def _farewell(self) -> None:
        try:
            if self._progress:
                self._write_progress()
            self._store.drop("worker", self._name.text)
            self._name.drop(self._store)
        except StoreError as error:
            _log.debug("keeper: %s", error)

    def _beat(self) -> None:
        self._name.keep(self._store, self._lease)
        self._store.put("worker", self._name.text, self._describe(), expires=self._lease * 2 + LISTED)

    # -- leases ---------------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        hit("renew.before")
        leased = list(self._feed.leased.values())
        if not leased:
            return
        held = self._store.extend([(job.id, job.attempt) for job in leased], self._lease)
        for job in leased:
            run = self._feed.runs.get(job.id)
            if run is None or run.closed or run.job.attempt != job.attempt:
                continue
            cancel = held.get(job.id)
            if cancel is None:
                self._lost(run)
            elif cancel:
                run.halt(Cancelled(None))

    def _lost(self, run: Run) -> None:
        # Looked up once more: it may have been settled between our reading of the list and the store's answer.
        if run.closed or self._feed.runs.get(run.job.id) is not run:
            return
        job = run.job
        _log.warning(
            "lost: the lease of %s %s attempt %d lapsed; its run is being stopped",
            job.task,
            job.id,
            job.attempt,
        )
        self._feed.forget(run)
        self._observer.lost(run)
        run.halt(Released())

    def _overdue(self) -> None:
        """Threads cannot be stopped: those that outlived their time-out are told, once, and fail when they end."""
        for run in list(self._feed.runs.values()):
            if not run.overdue and run.late():
                run.overdue = True
                run.halt(self._timed_out(run))
                self._observer.overdue(run)

    # -- sweeping -------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        self.rescue(Where(states=("running",), lease_before=self._store.now()), "its lease lapsed")
        while self._store.purge(BATCH) >= BATCH and not self._stopped:
            pass

    def rescue(self, where: Where, cause: str) -> None:
        """Give back, or hold, the running jobs this selects."""
        rescue(self._store, where, cause, self._max_crashes, self._observer)

    def _write_progress(self) -> None:
        taken, self._progress = self._progress, {}
        hit("progress.before")
        changes = [model.progressed(ctx.record, msgspec.json.encode(said)) for ctx, said in taken.values()]
        self._store.apply(changes)


def rescue(store: Store, where: Where, cause: str, max_crashes: int, observer: Observer) -> list[str]:
    """Give back, or hold, the running jobs selected: their worker is gone. The ids of those it changed."""
    rescued: list[str] = []
    while True:
        lapsed = store.find(where, BATCH)
        if not lapsed:
            return rescued
        hit("sweep.between")
        now = store.now()
        changes = [model.crashed(job, now, cause, max_crashes) for job in lapsed]
        accepted = store.apply(changes)
        if not accepted:  # others were quicker
            return rescued
        rescued += accepted
        observer.rescued(sorted(accepted))
        store.publish(_topics(lapsed, changes, accepted))


def _topics(jobs: list[JobRecord], changes: list[Change], accepted: frozenset[str]) -> set[str]:
    topics = set()
    for job, change in zip(jobs, changes, strict=True):
        if job.id not in accepted:
            continue
        state = change.values["state"]
        topics.add(f"job:{job.id}" if state in FINAL or state == "held" else f"queue:{job.queue}")
        _log.warning(
            "rescued: %s %s, %s → %s", job.task, job.id, change.values.get("reason") or "not begun", state
        )
    return topics
