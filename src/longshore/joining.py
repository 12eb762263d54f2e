"""Enqueueing in the caller's own transaction: into the store, or into the outbox where the store is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from longshore.callers import Caller, Steps, caller
from longshore.callers.watch import Watch
from longshore.model import JobRecord
from longshore.outbox import Outbox
from longshore.outbox.outbox import TOPIC
from longshore.stores.base import Store


class Joining:
    """``store`` gives the store, asked for its statements: it need not be open; ``opened`` gives it opened, for hints."""

    def __init__(
        self, store: Callable[[], Store], outbox: Outbox | None, opened: Callable[[], Store]
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._watch = Watch(lambda topics: opened().publish(topics))

    def check(self, connection: Any) -> None:
        """ConfigError where no transaction can be joined at all: before the store is asked anything."""
        if self._outbox is None and not (store := self._store()).transactional:
            store.join(caller(connection), ())

    def add(self, connection: Any, records: Sequence[JobRecord]) -> list[JobRecord]:
        """As `Store.add` with a connection; workers hear of the jobs when the transaction has ended."""
        guest = caller(connection)
        stored = guest.run(self._steps(guest, records))
        self._tell(guest, records)
        return stored

    async def aadd(self, connection: Any, records: Sequence[JobRecord]) -> list[JobRecord]:
        """As `add`; the connection may be an async one."""
        guest = caller(connection)
        stored = await guest.arun(self._steps(guest, records))
        self._tell(guest, records)
        return stored

    def close(self) -> None:
        """End the thread that watches transactions."""
        self._watch.close()

    def _steps(self, guest: Caller, records: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        return (self._outbox or self._store()).join(guest, records)

    def _tell(self, guest: Caller, records: Sequence[JobRecord]) -> None:
        self._watch.add(guest, [TOPIC] if self._outbox else {f"queue:{record.queue}" for record in records})
