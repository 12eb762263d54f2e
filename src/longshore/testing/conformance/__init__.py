"""Every promise of `longshore.stores.base` as examples. For a store of yours:

    class TestMine(StoreConformance, SharedStoreConformance):
        url = "mine:///{folder}/jobs"

``{folder}`` becomes a new folder for each example. See `StoreConformance` for what else can be set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest

from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.testing.clock import Clock
from longshore.testing.conformance.adding import Adding, Uniqueness
from longshore.testing.conformance.changing import Changing, Leases
from longshore.testing.conformance.claiming import Claiming
from longshore.testing.conformance.documents import Documents, Hints, Opening
from longshore.testing.conformance.flatness import Effort, Flatness
from longshore.testing.conformance.listing import Listing, Removing
from longshore.testing.conformance.sharing import CrossHints, Sharing
from longshore.testing.conformance.stand import Stand, stand
from longshore.testing.effort import python_calls

__all__ = ["SharedStoreConformance", "StoreConformance"]


class _Fixtures:
    #: where the store is
    url: ClassVar[str]

    def make(self, url: str, *, clock: Callable[[], float]) -> Store:
        """The store at this place, not open yet."""
        return open_store(url, clock=clock)

    def count(self, store: Store, work: Callable[[], object]) -> int:
        """What a call costs, in steps of the store's engine."""
        return python_calls(store, work)

    @pytest.fixture
    def stands(self) -> Iterator[Callable[[], Stand]]:
        """Makes stands, each at an empty place."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(stand(self.url, self.make))

    @pytest.fixture
    def stand(self, stands: Callable[[], Stand]) -> Stand:
        """A stand of its own for each example."""
        return stands()

    @pytest.fixture
    def store(self, stand: Stand) -> Store:
        """Its store, open and empty."""
        return stand.store

    @pytest.fixture
    def clock(self, stand: Stand) -> Clock:
        """The clock it runs by."""
        return stand.clock

    @pytest.fixture
    def effort(self) -> Effort:
        """See ``count``."""
        return self.count


class StoreConformance(
    _Fixtures,
    Adding,
    Uniqueness,
    Claiming,
    Changing,
    Leases,
    Listing,
    Removing,
    Documents,
    Hints,
    Opening,
    Flatness,
):
    """For every store."""


class SharedStoreConformance(_Fixtures, Sharing, CrossHints):
    """For stores that several processes can have open."""
