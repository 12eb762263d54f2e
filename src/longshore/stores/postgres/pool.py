"""The connections of a process: few, made when needed, thrown away when anything was wrong with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.rows import tuple_row

from longshore import failpoint
from longshore.callers import Call, Rows
from longshore.dice import between
from longshore.errors import StoreUnavailable
from longshore.stores.postgres.connection import PLANNING, Connection, Late, connect, locally
from longshore.stores.postgres.location import Location
from longshore.stores.postgres.trouble import RETRYABLE, translated

T = TypeVar("T")

__all__ = ["Call", "Pool", "Rows", "execute"]

_TRIES: Final = 6
_LEFT: Final[list[Any]] = []


class Pool:
    """Lends a connection to one thread at a time."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._made = 0
        #: grows with each `close`: what was lent before is not taken back
        self._epoch = 0

    # -- statements ------------------------------------------------------------------------------------------------

    def run(
        self, call: Call, point: str = "", settings: Mapping[str, str] | None = None, repeat: bool = True
    ) -> Rows:
        """One statement, committed; its rows. ``repeat``: where the connection was lost, once more."""
        try:
            return self._again(lambda: self._together([call], point, settings))[0]
        except StoreUnavailable as error:
            if (
                not repeat
                or not isinstance(error.__cause__, psycopg.OperationalError)
                or isinstance(
                    error.__cause__, (Late, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
                )
            ):
                raise
        return self._again(lambda: self._together([call], point, settings))[0]

    def together(self, calls: Sequence[Call], point: str = "") -> list[Rows]:
        """Statements in one transaction and one round trip; the rows of each."""
        return self._again(lambda: self._together(calls, point, None))

    def _together(self, calls: Sequence[Call], point: str, settings: Mapping[str, str] | None) -> list[Rows]:
        wanted = {**(PLANNING if self.location.pooled else {}), **(settings or {})}
        if wanted:
            calls = [Call(locally(wanted), {}), *calls]
        with self.lent() as connection:
            if point and failpoint.armed():
                with connection.transaction():
                    answers = [execute(connection, call) for call in calls]
                    failpoint.hit(point)
            elif len(calls) == 1:
                answers = [execute(connection, calls[0])]
            else:
                answers = _piped(connection, calls)
        return answers[1:] if wanted else answers

    def transaction(self, work: Callable[[Connection], T], point: str = "") -> T:
        """Do ``work`` in a transaction of its own."""

        def once() -> T:
            with self.lent() as connection, connection.transaction():
                if self.location.pooled:
                    execute(connection, Call(locally(PLANNING), {}))
                answer = work(connection)
                failpoint.hit(point)
                return answer

        return self._again(once)

    def _again(self, work: Callable[[], T]) -> T:
        """Do it; again where two transactions stood in each other's way and this one was undone."""
        for tries in range(1, _TRIES + 1):
            try:
                return work()
            except RETRYABLE as error:
                if tries == _TRIES:
                    raise translated(self.location, error) from error
            except psycopg.errors.UniqueViolation:
                raise
            except psycopg.Error as error:
                raise translated(self.location, error) from error
            time.sleep(between(0.0, 0.01 * tries))
        raise AssertionError("unreachable")

    # -- connections -----------------------------------------------------------------------------------------------

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection for this thread alone. It comes back only if nothing was wrong with it."""
        epoch = self._epoch
        connection = self._take()
        keep = False
        try:
            yield connection
            keep = True
        except psycopg.Error as error:
            keep = not isinstance(error, _PARTING) and connection.quiet()
            if connection.late is not None and error is not connection.late:
                raise connection.late from error  # what came after it came of it
            raise
        except BaseException:
            keep = connection.quiet()
            raise
        finally:
            if connection.late is not None or connection.closed:
                self._doubt()
            self._give(connection, keep and epoch == self._epoch)

    def _take(self) -> Connection:
        deadline = time.monotonic() + self.location.deadline
        while True:
            with self._changed:
                while not self._idle and self._made >= self.location.pool:
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise StoreUnavailable(
                            f"all {self.location.pool} connections to {self.location.url} stayed busy for "
                            f"{self.location.deadline:g} s\nraise ?pool= in the URL, or use fewer threads"
                        )
                connection = self._idle.pop() if self._idle else None
                if connection is None:
                    self._made += 1
            if connection is None:
                return self._connected()
            if connection.quiet():
                return connection
            self._drop(connection)

    def _connected(self) -> Connection:
        try:
            return connect(self.location)
        except BaseException:
            self._forget()
            raise

    def _give(self, connection: Connection, keep: bool) -> None:
        if not keep or connection.closed:
            self._drop(connection)
            return
        with self._changed:
            self._idle.append(connection)
            self._changed.notify()

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._forget()

    def _forget(self) -> None:
        with self._changed:
            self._made -= 1
            self._changed.notify()

    def _doubt(self) -> None:
        """One connection was lost: the others lead to the same place. Each would have to be found dead by itself, one
        deadline after the other.
        """
        with self._changed:
            idle, self._idle = self._idle, []
            self._made -= len(idle)
            self._changed.notify_all()
        for connection in idle:
            connection.close()

    def everywhere(self, text: str) -> None:
        """Run a statement on each idle connection: for tests that count what they did."""
        with self._changed:
            for connection in self._idle:
                connection.execute(text.encode())

    def close(self) -> None:
        """Let go of what is idle; what is lent is let go of when it comes back."""
        with self._changed:
            self._epoch += 1
            self._doubt()

    def leave(self) -> None:
        """In a forked child: never touch these again, not even to close them; the server would take it for the parent."""
        _LEFT.extend(self._idle)
        self._changed = threading.Condition()
        self._idle, self._made = [], 0


#: After these the server is another one, or soon will be; or it is not the session the driver takes it for.
_PARTING: Final = (
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.InvalidSqlStatementName,
    psycopg.errors.DuplicatePreparedStatement,
    psycopg.InterfaceError,
)


def execute(connection: psycopg.Connection[Any], call: Call) -> Rows:
    """One statement on a connection; its rows, plain tuples whatever rows the connection is set to give."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    cursor.execute(cast("Any", call.text), call.values, binary=True)
    return _rows(cursor)


def _piped(connection: Connection, calls: Sequence[Call]) -> list[Rows]:
    """All at once: until the end of the pipeline they are one transaction for the server."""
    cursors = []
    try:
        with connection.pipeline():
            for call in calls:
                cursor = psycopg.Cursor(connection, row_factory=tuple_row)
                cursors.append(cursor.execute(cast("Any", call.text), call.values, binary=True))
    except psycopg.Error:
        # What came after the failed one was not looked at by the server, but the driver holds it for prepared there.
        connection.confused = True
        raise
    return [_rows(cursor) for cursor in cursors]


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Rows:
    # Not `description`: it makes an object for each column.
    result = cursor.pgresult
    return cursor.fetchall() if result is not None and result.nfields else []
