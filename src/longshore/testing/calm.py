"""Stopping a process between its calls to the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from longshore.stores.base import Store


class Calm:
    """A store, one call at a time. Who holds ``lock`` can stop the process: none of its threads is inside a transaction.

    (A process stopped inside one holds up every writer of its SQLite file until it goes on. No fence helps against that.)
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._locked(found) if callable(found) else found

    def _locked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def locked(*args: Any, **kwargs: Any) -> Any:
            with self.lock:
                return call(*args, **kwargs)

        return locked
