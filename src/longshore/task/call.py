"""A call bound to its arguments, not enqueued yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from longshore.errors import ArgumentError
from longshore.task.request import Door, Request

if TYPE_CHECKING:
    from longshore.job import Job

R = TypeVar("R")


class Call(Generic[R]):
    """``task.call(...)``: checked and encoded; a row for ``enqueue_many``, or enqueued by itself.

    ``request`` is what it asks for; ``connection`` the caller's transaction given to ``using``, or None.
    """

    __slots__ = ("_door", "connection", "request")

    def __init__(self, request: Request, door: Door, connection: Any = None) -> None:
        self.request = request
        self.connection = connection
        self._door = door

    def __repr__(self) -> str:
        return f"<Call of {self.request.task.name}>"

    def enqueue(self) -> Job[R]:
        """Store it as a job."""
        return cast("Job[R]", self._door.enqueue((self.request,), self.connection)[0])

    async def aenqueue(self) -> Job[R]:
        """Store it as a job, without blocking the event loop."""
        return cast("Job[R]", (await self._door.aenqueue((self.request,), self.connection))[0])

    def with_headers(self, headers: Mapping[str, str]) -> Call[R]:
        """The same call with these headers besides those it has."""
        merged = {**(self.request.headers or {}), **headers}
        return Call(msgspec.structs.replace(self.request, headers=merged), self._door, self.connection)


def requests_of(calls: Iterable[Call[Any]]) -> tuple[list[Request], Any]:
    """What the calls ask for, and the connection they have in common."""
    requests: list[Request] = []
    connection: Any = None
    for index, call in enumerate(calls):
        if not isinstance(call, Call):
            raise ArgumentError(
                f"row {index} of enqueue_many is {type(call).__name__}, not a call: use task.call(*args). Nothing was stored"
            )
        if index == 0:
            connection = call.connection
        elif call.connection is not connection:
            raise ArgumentError(
                f"row {index} of enqueue_many has another connection than row 0: one batch is one transaction. "
                "Nothing was stored"
            )
        requests.append(call.request)
    return requests, connection
