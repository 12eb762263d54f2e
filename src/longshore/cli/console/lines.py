"""A worker's events as lines of text. Pure."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import click

from longshore.cli.output import one_line
from longshore.cli.times import span
from longshore.model import Change, JobRecord
from longshore.outcome import (
    Cancelled,
    Crashed,
    Done,
    Failed,
    Held,
    Outcome,
    Parked,
    Released,
    Snoozed,
)
from longshore.shown import brief_args

#: verb → colour
_COLORS: Final = {
    "done": "green",
    "retry": "yellow",
    "failed": "red",
    "crashed": "red",
    "held": "red",
    "refused": "red",
    "blocked": "yellow",
    "warning": "yellow",
    "cancelled": "cyan",
}
_WIDTH: Final = 9


class Started(NamedTuple):
    """A job was handed to an executor."""

    at: float
    job: JobRecord


class Ended(NamedTuple):
    """A job was settled."""

    at: float
    job: JobRecord
    outcome: Outcome
    change: Change
    seconds: float
    accepted: bool


def line(at: float, verb: str, text: str) -> str:
    """``14:02:11  done      …``."""
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    return f"{click.style(clock, dim=True)}  {click.style(verb.ljust(_WIDTH), fg=_COLORS.get(verb))} {text}"


def tell(event: Started | Ended) -> str:
    """The line of one event."""
    job = event.job
    head = one_line(f"{job.task}  {job.id}")
    if isinstance(event, Started):
        waited = f"waited {span(event.at - job.run_at)}"
        again = f"  attempt {job.attempt}" if job.attempt > 1 else ""
        return line(
            event.at,
            "started",
            f"{head}  {one_line(job.queue)}  {waited}{again}  {brief_args(job.args)}".rstrip(),
        )
    verb, about = _ended(event)
    return line(event.at, verb, f"{head}  {about}")


def verb_of(outcome: Outcome, change: Change, accepted: bool) -> str:
    """One word for what a job came to; the words of the tally."""
    if not accepted:
        return "refused"
    if type(outcome) is Done:  # nearly always; asked for every job of the feed's
        return "done"
    match outcome:
        case Failed(_, retry_in):
            return "failed" if retry_in is None else "retry"
        case Snoozed():
            return "snoozed"
        case Cancelled():
            return "cancelled"
        case Released():
            return "released"
        case Parked():
            return "blocked"
        case Crashed():
            return "held" if change.values.get("state") == "held" else "crashed"
        case Held():
            return "held"
        case _:
            return "done"


def _ended(event: Ended) -> tuple[str, str]:
    verb, took = verb_of(event.outcome, event.change, event.accepted), span(event.seconds)
    if verb == "refused":
        return verb, "its lease was lost; somebody else has it now"
    match event.outcome:
        case Failed(failure, retry_in):
            what = one_line(f"{failure.kind}: {failure.message}".strip(": "))[:200]
            again = (
                f"again in {span(retry_in)}, failure {event.job.failures + 1}  "
                if retry_in is not None
                else ""
            )
            return verb, f"{took}  {again}{what}"
        case Snoozed(delay):
            return verb, f"{took}  again in {span(delay)}"
        case Cancelled(reason) | Held(reason) | Parked(reason):
            return verb, one_line(reason)[:200]
        case Crashed(cause):
            return verb, one_line(str(event.change.values.get("reason") or cause))[:200]
        case Released():
            return verb, "given back unfinished" if event.seconds else "given back"
        case _:
            return verb, took


def failure_of(event: Ended) -> str:
    """A failure in few words."""
    if isinstance(event.outcome, Failed):
        return one_line(f"{event.job.task} {event.outcome.failure.kind}: {event.outcome.failure.message}")[
            :120
        ]
    return event.job.task
