"""The store of a schema on connections that are the caller's: whatever is done joins the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import psycopg
from psycopg import pq

from longshore.callers import Caller, Steps
from longshore.model import JobRecord
from longshore.stores.base import Subscription
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.pool import Call, Pool, Rows, execute
from longshore.stores.postgres.store import PostgresStore
from longshore.stores.postgres.trouble import translated

T = TypeVar("T")
Lend = Callable[[], psycopg.Connection[Any]]


class PostgresGuest(PostgresStore):
    """`base.Store` whose every call is made on ``connection()``, asked anew each time and never closed.

    In a transaction of the caller's, a call is part of that; outside of one, it is a transaction of its own. The tables have
    to be there. Hints of other processes are not heard: whoever waits looks from time to time. ``later`` is given what is to
    be done once the caller's transaction is committed.
    """

    def __init__(
        self,
        connection: Lend,
        url: str,
        later: Callable[[Callable[[], None]], None],
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(url, clock)
        self._later = later
        self._guest = _Guest(connection, self._location)

    def open(self) -> None:
        """Nothing is to be opened."""

    def _pool(self) -> Pool:
        return cast("Pool", self._guest)

    def now(self) -> float:
        """The clock given, else the server's."""
        now = self._server.now() if self._clock is None else self._clock()
        if now is None:
            [(now,)] = self._guest.run(Call(self.sql["now"], {}))
            self._server.learn(now)
        return now

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `base.Store.join`."""
        if not self._place:
            self._place = self._look_place()
        return super().join(caller, jobs)

    def _look_place(self) -> str:
        found: dict[str, str] = dict(self._guest.run(Call(self.sql["version"], {})))
        return found["place"]

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`. Nobody hears of it before the caller's transaction is committed."""
        told = list(topics)
        if told:
            self._later(lambda: self._voice.publish_now(told))

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`; hears this process only."""
        return self._voice.subscribe_here(topics, callback)


class _Guest:
    """What a `Pool` does, on one connection of somebody else's."""

    def __init__(self, connection: Lend, location: Location) -> None:
        self._connection = connection
        self.location = location

    def run(
        self, call: Call, point: str = "", settings: Mapping[str, str] | None = None, repeat: bool = True
    ) -> Rows:
        with self._told():
            return execute(self._connection(), call)

    def together(self, calls: Sequence[Call], point: str = "") -> list[Rows]:
        return self.transaction(lambda connection: [execute(connection, call) for call in calls])

    def transaction(self, work: Callable[[psycopg.Connection[Any]], T], point: str = "") -> T:
        connection = self._connection()
        with self._told():
            if connection.info.transaction_status == pq.TransactionStatus.IDLE and not connection.autocommit:
                # Let the driver begin the caller's transaction first: it would take ours for the outermost.
                connection.execute("SELECT 1")
            with connection.transaction():
                return work(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.UniqueViolation:
            raise
        except psycopg.Error as error:
            raise translated(self.location, error) from error
