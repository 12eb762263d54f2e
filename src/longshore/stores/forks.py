"""Stores that a forked child must not go on using as they are."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class _Forkable(Protocol):
    def forked(self) -> None: ...


_stores: Final[WeakSet[_Forkable]] = WeakSet()


def follow(store: _Forkable) -> None:
    """Call ``store.forked()`` in every child, before anything else runs there."""
    _stores.add(store)


def _in_child() -> None:
    for store in list(_stores):
        store.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
