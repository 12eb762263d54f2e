"""Watching the demo's jobs to their end, and killing a worker half way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from longshore.cli.demo.fleet import Fleet
from longshore.cli.demo.progress import Progress
from longshore.cli.demo.tasks import LEASE
from longshore.cli.output import count_of

if TYPE_CHECKING:
    from longshore.stores.base import Store

#: seconds between two looks; often enough that half way is not passed unseen
_LOOK: Final = 0.1
_ENDED: Final = ("succeeded", "failed", "cancelled", "held")


class Kill(NamedTuple):
    """A worker that was killed, and the jobs it held then."""

    worker: str
    pid: int
    held: Sequence[str]


class Watched(NamedTuple):
    """What there was to see. ``why``: the reason it was given up, empty where all ended; ``asked``: to kill a worker."""

    seconds: float
    kill: Kill | None
    why: str
    asked: bool


def watch(
    store: Store, queue: str, total: int, fleet: Fleet, shown: Progress, kill: bool, timeout: float
) -> Watched:
    """Until all ended, or no worker is left, or the time is over."""
    began = time.monotonic()
    killed: Kill | None = None
    while True:
        counts = {state: number for (name, state), number in store.count().items() if name == queue}
        ended = sum(counts.get(state, 0) for state in _ENDED)
        shown.update(ended, counts.get("failed", 0), fleet.alive)
        spent = time.monotonic() - began
        if ended >= total:
            return Watched(spent, killed, "", kill)
        if spent > timeout:
            return Watched(spent, killed, f"{timeout:g} s are over", kill)
        if not fleet.alive:
            return Watched(spent, killed, f"no worker is left; they said:\n{fleet.last_words()}", kill)
        if kill and killed is None and ended >= total // 2:
            killed = _kill(store, fleet, shown)
        time.sleep(_LOOK if killed or not kill or ended < total // 4 else _LOOK / 5)


def _kill(store: Store, fleet: Fleet, shown: Progress) -> Kill | None:
    found = fleet.kill_one(store)
    if found is None:
        return None
    kill = Kill(*found)
    shown.say(
        f"half way: killed worker {kill.worker} (kill -9 {kill.pid}) while it held {count_of(len(kill.held), 'job')}"
    )
    if fleet.alive:
        others = "the other takes" if fleet.alive == 1 else "the others take"
        shown.say(f"nobody cleans up after it; {others} its jobs once their lease is over ({LEASE:g} s)")
    else:
        shown.say(
            f"{fleet.start()} starts in its place, and takes its jobs once their lease is over ({LEASE:g} s)"
        )
    return kill
