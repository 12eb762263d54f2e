"""How much work a call is, in steps that do not depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from longshore.stores.base import Store


def python_calls(store: Store, work: Callable[[], object]) -> int:
    """Function calls Python makes in this thread: for stores that are Python all through."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def sqlite_steps(store: Store, work: Callable[[], object]) -> int:
    """Instructions of SQLite's virtual machine, in units of one, on both connections of the store."""
    from longshore.stores.sqlite import SqliteStore

    assert isinstance(store, SqliteStore)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connections = store.connections()
    for connection in connections:
        connection.set_progress_handler(count, 1)
    try:
        work()
    finally:
        for connection in connections:
            connection.set_progress_handler(None, 1)
    return steps
