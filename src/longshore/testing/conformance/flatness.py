"""What must not grow with what is stored: counted in steps of the store's engine, never in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from longshore import model
from longshore.model import Claim, Where
from longshore.stores.base import Store
from longshore.testing.conformance.stand import Stand
from longshore.testing.samples import claim, jobs, running

Effort = Callable[[Store, Callable[[], object]], int]
CROWD = 3000


def due(n: int, **fields: Any) -> list[model.JobRecord]:
    """So many due jobs of the lowest priority."""
    return jobs(n, start=1_000_000, priority=-100, **fields)


CROWDS = ("future", "queued", "other queue", "running", "succeeded", "failed", "waiting")
CALLS = ("claim", "claim here", "idle", "extend", "settle", "purge", "sweep", "get", "oldest")
#: With jobs that are due a worker is not idle.
NOT_IDLE = {("queued", "idle"), ("other queue", "idle")}
PAIRS = [(crowd, call) for crowd in CROWDS for call in CALLS if (crowd, call) not in NOT_IDLE]


class Flatness:
    """Each call costs about as much beside a crowd as alone."""

    @pytest.mark.parametrize(("crowd", "call"), PAIRS)
    def test_flat(self, stands: Callable[[], Stand], effort: Effort, crowd: str, call: str) -> None:
        costs: list[int] = []
        for added in ("nobody", crowd):
            stand = stands()
            stand.store.add(_crowd(added, stand.clock()))
            costs.append(effort(stand.store, _call(call, stand)))
        alone, beside = costs
        assert beside <= alone * 1.5 + 600, f"{call}: {alone} steps alone, {beside} beside {CROWD} {crowd}"


def _crowd(name: str, now: float) -> list[model.JobRecord]:
    if name == "nobody":
        return []
    if name == "future":
        return jobs(CROWD, priority=5, at=now + 1000)
    if name == "queued":
        return jobs(CROWD, priority=-100, at=now)
    if name == "other queue":
        return jobs(CROWD, queue="other", at=now)
    if name == "running":
        return jobs(CROWD, state="running", attempt=1, lease_until=now + 1000)
    return jobs(CROWD, state=name, purge_at=None if name == "waiting" else now + 1000)


def _call(name: str, stand: Stand) -> Callable[[], object]:
    store, clock = stand.store, stand.clock
    now = clock()
    if name == "idle":
        return lambda: store.exchange([], Claim("w", 10, 15.0))
    if name in ("claim", "claim here"):
        store.add(due(20))
        queues = ["default"] if name == "claim here" else None
        return lambda: claim(store, 10, queues=queues)
    held = running(store, *due(20))
    leases = [(one.id, one.attempt) for one in held]
    calls: dict[str, Callable[[], object]] = {
        "extend": lambda: store.extend(leases, 15.0),
        "settle": lambda: store.apply([model.succeeded(one, b"r", now) for one in held]),
        "purge": lambda: store.purge(10),
        "sweep": lambda: store.find(Where(states=("running",), lease_before=now), 10),
        "get": lambda: store.get([one.id for one in held]),
        "oldest": store.oldest,
    }
    return calls[name]
