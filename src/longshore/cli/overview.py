"""Numbers about queues and workers, from a few cheap questions to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from longshore.advice import silent
from longshore.cli.times import iso, span
from longshore.model import Where

if TYPE_CHECKING:
    from longshore.stores.base import Store

#: due jobs of one queue are counted exactly up to here; a store counts by state, not by time
EXACT: Final = 10_000
_PAGE: Final = 1000


class Queue(NamedTuple):
    """One queue. ``exact``: whether ``ready`` and ``scheduled`` are; above `EXACT` ready jobs both are bounds."""

    name: str
    states: dict[str, int]
    ready: int
    oldest_due: float | None
    paused: bool
    exact: bool

    @property
    def scheduled(self) -> int:
        return self.states.get("queued", 0) - self.ready

    def as_json(self, now: float) -> dict[str, Any]:
        """For -o json."""
        counts = {state: self.states.get(state, 0) for state in STATES}
        return {
            "queue": self.name,
            "ready": self.ready,
            "scheduled": self.scheduled,
            "exact": self.exact,
            **counts,
            "oldest_due_at": iso(self.oldest_due),
            "oldest_wait_seconds": None
            if self.oldest_due is None
            else round(max(0.0, now - self.oldest_due), 3),
            "paused": self.paused,
        }


STATES: Final = ("queued", "waiting", "running", "succeeded", "failed", "cancelled", "held")


def queues(store: Store) -> list[Queue]:
    """All queues that have jobs or are paused, by name."""
    states: dict[str, dict[str, int]] = {}
    for (queue, state), number in store.count().items():
        states.setdefault(queue, {})[state] = number
    oldest, paused = store.oldest(), store.list("paused")
    found = []
    for name in sorted({*states, *paused}):
        queued = states.get(name, {}).get("queued", 0)
        ready, exact = _ready(store, name, queued) if name in oldest else (0, True)
        found.append(Queue(name, states.get(name, {}), ready, oldest.get(name), name in paused, exact))
    return found


def _ready(store: Store, queue: str, queued: int) -> tuple[int, bool]:
    """How many jobs of the queue are due."""
    where = Where(states=("queued",), queue=queue, due_before=store.now())
    seen, after = 0, None
    while seen < EXACT:
        page = store.find(where, _PAGE, after)
        seen += len(page)
        if len(page) < _PAGE:
            return min(seen, queued), True
        after = page[-1].id
    return min(seen, queued), False


def workers(store: Store) -> list[dict[str, Any]]:
    """The workers' own descriptions, by name. *stalled*: it says so itself, or it is not heard of when it promised to be."""
    now = store.now()
    found = []
    for name, beat in sorted(store.list("worker").items()):
        doc = {"name": name, "stalled": None, **beat}
        doc["heard_seconds_ago"] = round(max(0.0, now - float(doc.get("beat_at", now))), 3)
        quiet = silent(doc, now)
        doc["silent"] = quiet is not None
        if quiet is not None:
            why = f"not heard of for {span(quiet)}; it promised a word every {span(doc['beat_every'])}"
            doc["state"], doc["stalled"] = "stalled", {"since": doc["beat_at"], "why": why}
        if doc["stalled"] is not None:
            doc["stalled"]["seconds"] = round(max(0.0, now - doc["stalled"]["since"]), 3)
        found.append(doc)
    return found


def live(store: Store) -> list[dict[str, Any]]:
    """Those of them that are heard of."""
    return [doc for doc in workers(store) if not doc["silent"]]


def known_queues(store: Store) -> list[str]:
    """Every queue that has jobs, is paused, or is served by name."""
    served = {queue for doc in live(store) for queue in doc.get("queues") or ()}
    return sorted({*(queue for queue, _ in store.count()), *store.list("paused"), *served})
