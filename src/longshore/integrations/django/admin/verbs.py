"""What can be done to jobs by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from longshore.app import App
from longshore.model import JobRecord, State

_ENDED: Final = ("succeeded", "failed", "cancelled", "held")


class Verb(NamedTuple):
    """``permission`` is Django's word; ``states`` are those it can be done to; ``unfit`` says why not to others."""

    name: str
    label: str
    permission: str
    states: tuple[State, ...]
    unfit: str


VERBS: Final = {
    one.name: one
    for one in (
        Verb("retry", "Retry", "change", _ENDED, "not ended"),
        Verb("run_now", "Run now", "change", ("queued",), "not waiting for its time"),
        Verb("cancel", "Cancel", "change", ("queued", "waiting", "running", "held"), "ended already"),
        Verb("delete", "Delete", "delete", _ENDED, "not ended: cancel it first"),
    )
}


def perform(app: App, verb: Verb, ids: Sequence[str]) -> dict[str, list[str]]:
    """Do it; what came of it, in words, and for which jobs. Those that moved meanwhile are left out."""
    match verb.name:
        case "retry":
            return {"put back into the queue": sorted(app.jobs.retry_many(ids))}
        case "run_now":
            return {"made due now": sorted(app.jobs.hasten_many(ids))}
        case "delete":
            return {"deleted": sorted(app.jobs.delete(ids))}
    words = {"cancelled": "cancelled", "asked": "asked to stop"}
    answers = app.jobs.cancel_many(ids)
    return {
        word: [job_id for job_id, said in answers.items() if said == answer]
        for answer, word in words.items()
        if answer in answers.values()
    }


def fit(verb: Verb, job: JobRecord, now: float) -> bool:
    """Whether it can be done to this job."""
    return job.state in verb.states and (verb.name != "run_now" or job.run_at > now)


def summary(jobs: Sequence[JobRecord]) -> list[tuple[str, str, int]]:
    """(task, state, how many), the most first."""
    kinds = Counter((job.task, job.state) for job in jobs)
    return [(task, state, number) for (task, state), number in kinds.most_common(20)]


def count_of(number: int, noun: str = "job") -> str:
    """``1 job``, ``1,200 jobs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
