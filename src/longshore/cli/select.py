"""Choosing jobs: by state or view, queue and task, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, get_args

import click

if TYPE_CHECKING:
    from longshore.model import JobRecord, State, Where
    from longshore.stores.base import Store

F = TypeVar("F", bound=Callable[..., Any])

STATES: Final = ("queued", "waiting", "running", "succeeded", "failed", "cancelled", "held")
#: what is shown of ``queued``
VIEWS: Final = ("ready", "scheduled", "retrying", "blocked")
PAGE: Final = 500


class Choice(NamedTuple):
    """What the command line asked for."""

    states: tuple[str, ...]
    queue: str | None
    task: str | None

    @property
    def empty(self) -> bool:
        return not (self.states or self.queue or self.task)

    def words(self) -> str:
        """As options, for messages."""
        parts = [f"--state {state}" for state in self.states]
        parts += [
            f"--{name} {value}" for name, value in (("queue", self.queue), ("task", self.task)) if value
        ]
        return " ".join(parts)


def choice_options(command: F) -> F:
    """``--state``, ``--queue``, ``--task``."""
    for option in (
        click.option("--task", metavar="NAME", help="Only jobs of this task."),
        click.option("--queue", "-q", metavar="NAME", help="Only jobs of this queue."),
        click.option(
            "--state",
            "-s",
            "states",
            multiple=True,
            type=click.Choice([*STATES, *VIEWS]),
            metavar="STATE",
            help=f"Only these: {', '.join(STATES)}; or of the queued: {', '.join(VIEWS)}. May be repeated.",
        ),
    ):
        command = option(command)
    return command


def chosen(store: Store, choice: Choice, after: str | None = None) -> Iterator[JobRecord]:
    """The jobs chosen, newest first, read page by page."""
    from longshore.shown import is_seen_as

    now = store.now()
    where, views = _where(choice)
    while page := store.find(where, PAGE, after):
        for job in page:
            if not views or job.state != "queued" or any(is_seen_as(job, view, now) for view in views):
                yield job
        after = page[-1].id
        if len(page) < PAGE:
            return


def _where(choice: Choice) -> tuple[Where, tuple[str, ...]]:
    from longshore.model import State, Where

    asked = set(choice.states)
    known: tuple[State, ...] = get_args(State)
    views = () if "queued" in asked else tuple(view for view in VIEWS if view in asked)
    states: tuple[State, ...] = tuple(
        state for state in known if state in asked or (state == "queued" and views)
    )
    return Where(states=states or None, queue=choice.queue, task=choice.task), views
