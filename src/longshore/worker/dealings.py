"""One exchange with a store that may be away, may have done what it did not say, or may refuse one change of many."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from longshore import model
from longshore.dice import between
from longshore.errors import SchemaError, StoreError, StoreFull, StoreUnavailable
from longshore.model import Change, Claim, JobRecord, Where
from longshore.stores.base import Exchange, Store
from longshore.worker.name import Name
from longshore.worker.stalls import Stalls

_log = logging.getLogger("longshore.worker")

#: the first and the longest pause between two tries, in seconds
_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
#: most jobs given back that came with a lost answer
_BATCH: Final = 1000
#: what may pass by itself: no single change is to blame
_PASSING: Final = (StoreUnavailable, StoreFull, SchemaError)


class Dealt(NamedTuple):
    """What an exchange came to. ``held``: id → what was made instead of a change that the store refuses for good."""

    accepted: frozenset[str]
    jobs: list[JobRecord]
    next_at: float | None
    held: Mapping[str, Change]


class Dealings:
    """Tries until it is done. For the feed's thread alone, but for `silence`.

    ``waits`` tells how many outcomes wait beside those under way; ``pause`` is called between two tries; ``leased`` are the
    jobs this worker knows that it holds.
    """

    def __init__(
        self,
        store: Store,
        name: Name,
        lease: float,
        stalls: Stalls,
        leased: Mapping[str, JobRecord],
        waits: Callable[[], int],
        pause: Callable[[float], object],
    ) -> None:
        self._store = store
        self._name = name
        self._lease = lease
        self._stalls = stalls
        self._leased = leased
        self._waits = waits
        self._pause = pause
        self._asked = 0.0

    def silence(self) -> float:
        """For how many seconds an answer has been waited for; 0: none is."""
        asked = self._asked
        return time.monotonic() - asked if asked else 0.0

    def exchange(self, changes: Sequence[Change], claim: Callable[[], Claim | None]) -> Dealt:
        """Settle and claim. ``claim`` is asked at each try: a worker that was told to stop claims nothing more."""
        self._asked = time.monotonic()
        try:
            done = self._store.exchange(changes, claim())
        except StoreError as error:
            dealt = self._in_the_end(changes, claim, error)
        else:
            dealt = Dealt(done.accepted, done.jobs, done.next_at, {})
        self._asked = 0.0
        if self._stalls.current is not None:
            self._stalls.end("feed", len(changes) + self._waits())
        return dealt

    def _in_the_end(
        self, changes: Sequence[Change], claim: Callable[[], Claim | None], error: StoreError
    ) -> Dealt:
        """It failed; again, until it is done."""
        lots, settled, held = [list(changes)], set[str](), dict[str, Change]()
        done = Exchange(frozenset(), [], None)
        pause, refused = _PAUSE, 0
        while True:
            self._say(error)
            self._pause(pause * between(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)
            refused = 0 if isinstance(error, _PASSING) else refused + 1
            try:
                if changes and refused > 1:
                    self._sort_out(lots, settled, held)
                done = self._store.exchange([each for lot in lots for each in lot], claim())
            except StoreError as again:
                error = again
            else:
                break
        accepted = settled | done.accepted
        with suppress(StoreError):  # then the fence, or the lapse of their leases, decides in its stead
            accepted |= self._made(changes, accepted)
            self._give_back_unheard({job.id for job in done.jobs})
        return Dealt(frozenset(accepted), done.jobs, done.next_at, held)

    def _say(self, error: StoreError) -> None:
        if isinstance(error, _PASSING):
            self._stalls.begin("feed", f"the store is away, outcomes are kept until it is back: {error}")
        else:
            self._stalls.begin("feed", f"the store refuses, outcomes are kept until it takes them: {error}")

    # -- a change that is refused for good -------------------------------------------------------------------------

    def _sort_out(self, lots: list[list[Change]], settled: set[str], held: dict[str, Change]) -> None:
        """Make all changes but those the store refuses by themselves; their jobs are held, with the reason.

        What is left to do stays in ``lots``. Raises the store's error where it refuses even the holding: then no change is
        to blame.
        """
        while lots:
            lot = lots[0]
            try:
                settled |= self._store.apply(lot)
            except _PASSING:
                raise
            except StoreError as error:
                if len(lot) > 1:
                    half = len(lot) // 2
                    lots[:1] = [lot[:half], lot[half:]]
                    continue
                settled |= self._hold(lot[0], held, error)
            del lots[0]

    def _hold(self, change: Change, held: dict[str, Change], error: StoreError) -> frozenset[str]:
        what = change.values.get("state", "progress")
        reason = f"its outcome ({what}) was refused by the store: {' '.join(str(error).split())[:1000]}"
        job = self._leased[change.id]
        instead = model.held(job, reason, self._store.now())
        accepted = self._store.apply([instead])
        held[change.id] = instead
        _log.error("held: %s %s attempt %d, %s", job.task, job.id, job.attempt, reason)
        return accepted

    # -- what a lost answer may have said --------------------------------------------------------------------------

    def _made(self, changes: Sequence[Change], accepted: set[str]) -> set[str]:
        """Which of the refused changes were made by an earlier try whose answer was lost: the job is as we said."""
        doubtful = [each for each in changes if each.id not in accepted]
        found = self._store.get([each.id for each in doubtful]) if doubtful else {}
        return {each.id for each in doubtful if each.id in found and _is(found[each.id], each)}

    def _give_back_unheard(self, heard: set[str]) -> None:
        """Jobs that an earlier try claimed, in answers that were lost: nobody runs them, and their leases are still long."""
        if not self._name.keep(self._store, self._lease):
            return  # we were away for so long that another is called so; these may be its jobs
        mine = self._store.find(Where(states=("running",), worker=self._name.text), _BATCH)
        unheard = [job for job in mine if job.id not in heard and job.id not in self._leased]
        if not unheard:
            return
        given = self._store.apply([model.released(job, self._store.now()) for job in unheard])
        self._store.publish({f"queue:{job.queue}" for job in unheard if job.id in given})
        _log.info("%d jobs came in an answer that was lost; they were given back", len(given))


def _is(job: JobRecord, change: Change) -> bool:
    """Whether the job looks as the change would have it."""
    values: dict[str, Any] = {"state": change.state, **change.values}
    return job.attempt == change.attempt and all(
        getattr(job, name) == value for name, value in values.items()
    )
