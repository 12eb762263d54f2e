"""The verbs that make jobs of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypedDict, TypeVar, cast

from longshore.errors import ArgumentError
from longshore.model import UniqueMode
from longshore.task.call import Call
from longshore.task.options import Unique
from longshore.task.request import Door, Request

if TYPE_CHECKING:
    from longshore.job import Job

P = ParamSpec("P")
R = TypeVar("R")


class Changes(TypedDict, total=False):
    """What `Task.using` takes. Durations in seconds or as timedelta; ``eta`` has a time zone."""

    delay: float | timedelta
    eta: datetime
    queue: str
    priority: int
    unique: Unique
    unique_mode: UniqueMode
    expires: float | timedelta | None
    keep: float | timedelta | None
    headers: Mapping[str, str]
    connection: Any


class Verbs(Generic[P, R]):
    """What a task and a task with changed options can do. All check the arguments first.

    All raise ArgumentError for arguments that do not fit, NotEncodable for values without a stored form, UniqueConflict
    where the key is held and the mode is "reject", and StoreError where the store fails. Then nothing was stored.
    """

    __slots__ = ()

    _door: Door
    _connection: Any = None

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        """A call, checked and encoded: pure, stores nothing."""
        raise NotImplementedError

    def _takes(self, request: Request) -> bool:
        """Whether this is a call of the same task."""
        raise NotImplementedError

    def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Store a job that runs the task with these arguments. Blocks until it is stored."""
        return cast("Job[R]", self._door.enqueue((self.request(args, kwargs),), self._connection)[0])

    async def aenqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """As `enqueue`, without blocking the event loop."""
        return cast("Job[R]", (await self._door.aenqueue((self.request(args, kwargs),), self._connection))[0])

    def enqueue_many(self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]) -> list[Job[R]]:
        """Store a job for every row, all or none: a `call`, a tuple of positional, or a dict of keyword arguments."""
        return cast("list[Job[R]]", list(self._door.enqueue(self._requests(rows), self._connection)))

    async def aenqueue_many(
        self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]
    ) -> list[Job[R]]:
        """As `enqueue_many`, without blocking the event loop."""
        return cast("list[Job[R]]", list(await self._door.aenqueue(self._requests(rows), self._connection)))

    def call(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """A bound call, not enqueued yet: a typed row for `enqueue_many`."""
        return Call(self.request(args, kwargs), self._door, self._connection)

    def _requests(self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]) -> list[Request]:
        requests = []
        for index, row in enumerate(rows):
            try:
                requests.append(self._row(row))
            except ArgumentError as error:
                raise type(error)(f"row {index}: {error}") from None
        return requests

    def _row(self, row: Call[R] | tuple[Any, ...] | Mapping[str, Any]) -> Request:
        if isinstance(row, tuple):
            return self.request(row, {})
        if isinstance(row, Mapping):
            return self.request((), row)
        if isinstance(row, Call):
            return self._row_of(row)
        raise ArgumentError(
            f"expected task.call(...), a tuple of positional or a dict of keyword arguments, got {type(row).__name__}"
        )

    def _row_of(self, call: Call[R]) -> Request:
        if not self._takes(call.request):
            raise ArgumentError(f"a call of {call.request.task.name}: mix tasks with app.enqueue_many(rows)")
        if call.connection is not None and call.connection is not self._connection:
            raise ArgumentError(
                "has a connection of its own: use task.using(connection=...).enqueue_many(rows)"
            )
        return call.request
