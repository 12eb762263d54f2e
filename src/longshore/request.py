"""A bound call on its way to the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from longshore.model import JobRecord, UniqueMode

if TYPE_CHECKING:
    from longshore.task import Task


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a bound call asks for. Pure data: no id and no time yet.

    ``payload`` are the encoded arguments; ``delay`` seconds from now or ``eta`` seconds since the epoch, at most one of
    them; ``expires`` seconds from now; ``unique`` the key as it is stored, the task's name in it.
    """

    task: Task[..., Any]
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
