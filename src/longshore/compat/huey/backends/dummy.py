"""In the memory of this process: for tests, and for running without a server. Gone with the process."""

from __future__ import annotations

from typing import Any

from longshore.compat.huey.backends.store import StoreDataStore, StoreQueue


class DummyQueue(StoreQueue):
    """A queue in memory. Two of them share nothing, whatever their names."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, "memory://", **options)


class DummyDataStore(StoreDataStore):
    """A data store in memory. Two of them share nothing, whatever their names."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, "memory://", **options)
