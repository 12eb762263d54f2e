"""One page of jobs, in a time that does not depend on how many there are."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from msgspec.structs import replace

from longshore.integrations.django.admin.asked import VIEWS, Asked
from longshore.model import JobRecord
from longshore.stores.base import Store

SIZE: Final = 100
#: So many jobs are looked through in one call of the store.
WINDOW: Final = 20_000
#: Then the page is shown with what was found so far. Seconds.
PATIENCE: Final = 0.4
_CHUNK: Final = 500


class Page(NamedTuple):
    """The jobs found, newest first; ``after``: where the next page begins (None: this is the last one).

    ``looked_to``: the search was broken off at this id, with fewer found than a page holds.
    """

    jobs: list[JobRecord]
    after: str | None
    looked_to: str | None = None


def look(store: Store, asked: Asked, after: str | None, size: int = SIZE, patience: float = PATIENCE) -> Page:
    """The next ``size`` jobs below the id ``after``.

    Where no index leads to them, windows of the newest jobs are looked through one by one, as long as patience lasts.
    """
    search = _Search(store, asked, size)
    at = min((one for one in (after, asked.below()) if one is not None), default=None)
    deadline = time.monotonic() + patience
    while True:
        edge = search.edge(at) if asked.slow else None
        stopped = search.through(edge, at, deadline)
        if len(search.found) > size:
            return Page(search.found[:size], search.found[size - 1].id)
        if stopped is not None:
            return Page(search.found, stopped, stopped)
        if edge is None:
            return Page(search.found, None)
        if time.monotonic() > deadline:
            return Page(search.found, edge, edge)
        at = edge


class _Search:
    def __init__(self, store: Store, asked: Asked, size: int) -> None:
        self.found: list[JobRecord] = []
        self._store = store
        self._asked = asked
        self._size = size
        self._now = store.now()
        self._lowest = asked.lowest(self._now)

    def edge(self, at: str | None) -> str | None:
        """The lowest id of the next window; None: what is left is no larger than one."""
        edge = self._store.find(replace(self._asked.among, skip=WINDOW - 1), 1, at)
        return edge[0].id if edge and (self._lowest is None or edge[0].id > self._lowest) else None

    def through(self, edge: str | None, at: str | None, deadline: float) -> str | None:
        """Find what is meant down to the edge, and one more than the page holds; the id where patience ended."""
        where = replace(self._asked.where, from_id=self._lowest if edge is None else edge)
        while True:
            limit = _CHUNK if self._asked.state in VIEWS else self._size + 1 - len(self.found)
            jobs = self._store.find(where, limit, at)
            self.found += [job for job in jobs if self._asked.fits(job, self._now)]
            if len(jobs) < limit or len(self.found) > self._size:
                return None
            at = jobs[-1].id
            if time.monotonic() > deadline:
                return at
