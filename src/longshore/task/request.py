"""A bound call on its way to the store, and the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from longshore.model import JobRecord, UniqueMode
from longshore.task.runnable import Runnable

if TYPE_CHECKING:
    from longshore.job import Job


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a bound call asks for. Pure data: no id and no time yet.

    ``payload`` are the encoded arguments; ``delay`` seconds from now or ``eta`` seconds since the epoch, at most one of
    them; ``expires`` seconds from now; ``unique`` the key as it is stored, the task's name in it.
    """

    task: Runnable
    payload: bytes
    queue: str
    priority: int = 0
    delay: float | None = None
    eta: float | None = None
    expires: float | None = None
    unique: str | None = None
    unique_mode: UniqueMode | None = None
    keep: float | None = None
    headers: Mapping[str, str] | None = None

    def record(self, job_id: str, now: float) -> JobRecord:
        """The job to store, created ``now`` on the store's clock."""
        run_at = now if self.delay is None else now + self.delay
        return JobRecord(
            id=job_id,
            task=self.task.name,
            queue=self.queue,
            args=self.payload,
            run_at=run_at if self.eta is None else self.eta,
            created_at=now,
            priority=self.priority,
            expires_at=None if self.expires is None else now + self.expires,
            keep=self.keep,
            unique=self.unique,
            unique_mode=self.unique_mode,
            headers=None if self.headers is None else msgspec.msgpack.encode(self.headers),
        )


class Door(Protocol):
    """What a task needs of its app: the way into the store. ``connection`` is the caller's own transaction.

    ``keep`` is how long a finished job stays readable unless its task says otherwise, in seconds; ``middleware`` wraps
    every run, and ``max_result`` limits the bytes of a result: a process that runs one job finds them through its task.
    """

    keep: float | None
    middleware: Sequence[Any]
    max_result: int

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]: ...

    async def aenqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]: ...
