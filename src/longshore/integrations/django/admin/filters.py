"""The filters beside a list, as links: each keeps the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.http import QueryDict

from longshore.app import App
from longshore.integrations.django.admin.asked import PERIODS, STATES, VIEWS, Asked
from longshore.integrations.django.admin.facts import cut

#: More are not offered as links.
_MOST: Final = 50
_WORDS: Final = {"hour": "Past hour", "day": "Past 24 hours", "week": "Past 7 days"}
#: (queue, state) → how many; None: not counted
Counts = Mapping[tuple[str, str], int] | None


class Choice(NamedTuple):
    display: str
    address: str
    selected: bool


class Filter(NamedTuple):
    title: str
    choices: list[Choice]


def filters(app: App, asked: Asked, given: QueryDict, counts: Counts) -> list[Filter]:
    """By state, queue, task and time."""
    return [
        Filter("state", list(_states(asked, given, counts))),
        Filter(
            "queue", list(_names("queue", asked.queue, _queues(app, asked, counts), given, counts, asked))
        ),
        Filter("task", list(_names("task", asked.task, sorted(app.tasks), given, None, asked))),
        Filter("time of enqueueing", list(_periods(asked, given))),
    ]


def address(given: QueryDict, **changes: str) -> str:
    """The query of this page with other values, on its first page; an empty value takes one out."""
    query = given.copy()
    for name in ("after", "e", "p"):
        query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"


def _states(asked: Asked, given: QueryDict, counts: Counts) -> Iterable[Choice]:
    yield Choice("All", address(given, state=""), not asked.state)
    for state in STATES:
        number = "" if counts is None else _counted(counts, state=state, queue=asked.queue)
        yield Choice(state + number, address(given, state=state), asked.state == state)
        if state == "queued":
            for view in VIEWS:
                yield Choice(f"\u2022 {view}", address(given, state=view), asked.state == view)


def _queues(app: App, asked: Asked, counts: Counts) -> list[str]:
    """Those that are known without looking at any job, or that were counted."""
    found = {task.options.queue for task in app.tasks.values()} | set(app.store.list("paused"))
    for worker in app.store.list("worker").values():
        found.update(worker.get("queues") or ())
    found.update(queue for queue, _ in counts or ())
    return sorted(found | {"default"})


def _names(
    name: str, chosen: str, known: list[str], given: QueryDict, counts: Counts, asked: Asked
) -> Iterable[Choice]:
    yield Choice("All", address(given, **{name: ""}), not chosen)
    shown = known[:_MOST]
    for one in shown if not chosen or chosen in shown else [chosen, *shown]:
        number = "" if counts is None else _counted(counts, queue=one, state=asked.state)
        yield Choice(cut(one, 60) + number, address(given, **{name: one}), chosen == one)


def _periods(asked: Asked, given: QueryDict) -> Iterable[Choice]:
    bare: dict[str, Any] = {"from": "", "to": ""}
    any_time = not asked.created and asked.begin is None and asked.end is None
    yield Choice("Any time", address(given, created="", **bare), any_time)
    for period in PERIODS:
        chosen = asked.created == period
        yield Choice(_WORDS[period], address(given, created=period, **bare), chosen)


def _counted(counts: Mapping[tuple[str, str], int], *, queue: str, state: str) -> str:
    state = "queued" if state in VIEWS else state
    number = sum(
        number
        for (of, kind), number in counts.items()
        if (not queue or of == queue) and (not state or kind == state)
    )
    return f" ({number:,})"
