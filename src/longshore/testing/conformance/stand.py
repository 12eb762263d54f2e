"""What each example gets: a fresh store and the clock it runs by."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.testing.clock import Clock


class Stand:
    """A store at an empty place, its clock, and more stores at the same place."""

    def __init__(self, url: str, clock: Clock, stack: ExitStack, make: Callable[..., Store]) -> None:
        self.url = url
        self.clock = clock
        self._stack = stack
        self._make = make
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The store, open; made when first asked for."""
        if self._store is None:
            self._store = self.another()
        return self._store

    def another(self) -> Store:
        """A store on the same data, as another process would have it (the memory store: one that is empty)."""
        store = self._make(self.url, clock=self.clock)
        self._stack.callback(store.close)
        store.open()
        return store


@contextmanager
def stand(url: str, make: Callable[..., Store] = open_store) -> Iterator[Stand]:
    """A stand for a URL; ``{folder}`` in it becomes a new folder."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="longshore-"))
        yield Stand(url.replace("{folder}", folder), Clock(), stack, make)
