"""Changing many jobs: in batches, each change fenced, those that moved meanwhile counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.model import JobRecord

_BATCH: Final = 500


class Verb(NamedTuple):
    """What can be done to jobs: from which states, to which of them without --state, and why not to others."""

    name: str
    states: tuple[str, ...]
    usual: tuple[str, ...]
    unfit: str
    done: str


_ENDED: Final = ("succeeded", "failed", "cancelled", "held")
VERBS: Final = {
    "cancel": Verb(
        "cancel",
        ("queued", "waiting", "running", "held"),
        ("queued", "waiting", "running", "held"),
        "too late to cancel",
        "cancelled",
    ),
    "retry": Verb("retry", _ENDED, ("failed", "held"), "not ended, so it will run anyway", "retried"),
    "delete": Verb("delete", _ENDED, _ENDED, "not ended; cancel it first", "deleted"),
}


def perform(app: App, verb: Verb, jobs: Sequence[JobRecord]) -> dict[str, int]:
    """Do it; how many came to what."""
    totals = {verb.done: 0}
    if verb.name == "cancel":
        totals["asked to stop"] = 0
    for start in range(0, len(jobs), _BATCH):
        batch = jobs[start : start + _BATCH]
        if verb.name == "delete":
            totals["deleted"] += len(app.jobs.delete([job.id for job in batch]))
        elif verb.name == "retry":
            totals["retried"] += _retry(app, batch)
        else:
            _cancel(app, batch, totals)
    return totals


def _retry(app: App, jobs: Sequence[JobRecord]) -> int:
    from longshore import model

    store = app.store
    now = store.now()
    changes = [change for job in jobs if (change := model.retried(job, now)) is not None]
    accepted = store.apply(changes)
    store.publish({f"queue:{job.queue}" for job in jobs if job.id in accepted})
    return len(accepted)


def _cancel(app: App, jobs: Sequence[JobRecord], totals: dict[str, int]) -> None:
    from longshore import model

    store = app.store
    now = store.now()
    changes = {
        job.id: change for job in jobs if (change := model.cancel(job, now, "cancelled by hand")) is not None
    }
    accepted = store.apply(list(changes.values()))
    for job_id, change in changes.items():
        if job_id not in accepted:  # it moved between our look and our word: once more, by itself
            answer = app.jobs.cancel(job_id)
            totals["cancelled"] += answer == "cancelled"
            totals["asked to stop"] += answer == "asked"
        elif "state" in change.values:
            totals["cancelled"] += 1
        else:
            totals["asked to stop"] += 1
    ended = {f"job:{i}" for i in accepted if "state" in changes[i].values}
    store.publish({*ended, "leases"})
