"""Which commands are revoked: one of them, or all of a class."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from longshore.app import App
from longshore.compat.huey.backends.base import BaseDataStore
from longshore.compat.huey.utils import EmptyData

KIND: Final = "huey.revoked"
#: seconds after which another process's revocation is seen at the latest; hints make it quick
LOOK: Final = 1.0
#: seconds one of a single command is kept
KEEP: Final = 30 * 86400.0


class Revocation(msgspec.Struct, frozen=True):
    """``until``: in ISO form, None: for ever. ``once``: of one run only."""

    until: str | None = None
    once: bool = False

    def over(self, when: datetime | None) -> bool:
        """Whether it is over at this time (None: now). Naive times are local, unless both are: those are just compared."""
        if self.until is None:
            return False
        until = datetime.fromisoformat(self.until)
        if when is not None and when.tzinfo is None and until.tzinfo is None:
            return when >= until
        return (time.time() if when is None else when.timestamp()) >= until.timestamp()


class Revocations(Protocol):
    """By a command's id, or its class's name."""

    def put(self, key: str, revocation: Revocation, expires: float | None) -> None: ...
    def get(self, key: str) -> Revocation | None: ...
    def drop(self, key: str) -> bool: ...


class InStore:
    """In the store of an app, where every consumer hears of them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._known: dict[str, Revocation] = {}
        self._fresh_until = 0.0
        self._ear: Any = None

    def put(self, key: str, revocation: Revocation, expires: float | None) -> None:
        self._app.store.put(KIND, key, msgspec.to_builtins(revocation), expires)
        self._changed()

    def get(self, key: str) -> Revocation | None:
        with self._lock:
            if self._ear is None:
                self._ear = self._app.store.subscribe(["leases"], self._forget)
            if time.monotonic() >= self._fresh_until:
                self._fresh_until = time.monotonic() + LOOK
                found = self._app.store.list(KIND)
                self._known = {name: msgspec.convert(doc, Revocation) for name, doc in found.items()}
            return self._known.get(key)

    def drop(self, key: str) -> bool:
        dropped = self._app.store.drop(KIND, key)
        self._changed()
        return dropped

    def _changed(self) -> None:
        self._forget()
        self._app.store.publish(["leases"])

    def _forget(self) -> None:
        self._fresh_until = 0.0


class InDataStore:
    """In a data store of the user's, under ``r:`` and the key."""

    def __init__(self, store: Any) -> None:
        self._store = store
        peek = getattr(store, "peek", None)
        self._peeks = peek is not None and getattr(type(store), "peek", None) is not BaseDataStore.peek

    def put(self, key: str, revocation: Revocation, expires: float | None) -> None:
        self._store.put(f"r:{key}", msgspec.json.encode(revocation).decode())

    def get(self, key: str) -> Revocation | None:
        text = self._store.peek(f"r:{key}") if self._peeks else self._store.get(f"r:{key}")
        if text is EmptyData or text is None:
            return None
        if not self._peeks:
            self._store.put(f"r:{key}", text)
        return msgspec.json.decode(text, type=Revocation)

    def drop(self, key: str) -> bool:
        return self._store.get(f"r:{key}") not in (EmptyData, None)
