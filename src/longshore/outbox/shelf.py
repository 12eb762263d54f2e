"""The table where jobs wait, whatever database it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from longshore.callers import Call, Caller, Steps
from longshore.model import JobRecord


class Row(NamedTuple):
    """A job that waits. ``moved``: the store has it, and the row may go once the job is let run."""

    id: str
    job: bytes
    moved: bool


class Backlog(NamedTuple):
    """How many jobs wait, and for how many seconds the oldest has (0.0: none does)."""

    jobs: int
    oldest: float


class Shelf(Protocol):
    """All methods may be called from several threads. StoreError where the database fails."""

    @property
    def url(self) -> str:
        """Where it is, for people: no password in it."""
        ...

    def open(self) -> None:
        """Connect; make the table where there is none. SchemaError: the role may not; the message has the statements."""
        ...

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        ...

    def forked(self) -> None:
        """We are in a child now: leave the parent's connections alone."""
        ...

    def plan(self) -> list[str]:
        """The statements `open` would do."""
        ...

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """Put the jobs there in the caller's own transaction. ConfigError: it leads elsewhere."""
        ...

    def adding(self, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """As `join`, on a connection that is known to lead there, where the table is known to be."""
        ...

    def looking(self, ids: Sequence[str]) -> Call:
        """The statement that gives id and job of those of the rows that are there."""
        ...

    def dropping(self, ids: Sequence[str]) -> Call:
        """The statement that removes rows."""
        ...

    def take(self, limit: int, add: Callable[[list[Row]], object]) -> list[Row]:
        """The oldest rows that nobody else is moving. ``add`` is called with them; then they are marked as moved."""
        ...

    def drop(self, ids: Sequence[str]) -> None:
        """Remove rows."""
        ...

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """id → job, of the rows that are there."""
        ...

    def backlog(self) -> Backlog:
        """What waits."""
        ...
