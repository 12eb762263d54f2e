"""What only some stores can: tables of a version, and rights. Commands ask for these by type."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, runtime_checkable

#: what a role is to be able to do
Right = Literal["work", "enqueue"]


class Versions(NamedTuple):
    """Of the tables."""

    #: of those that are there; None: there are none
    found: int | None
    #: what this release makes of them
    newest: int


@runtime_checkable
class Migratable(Protocol):
    """A store with tables that can be made and brought forward. None of these opens the store for jobs."""

    def versions(self) -> Versions:
        """What is there, and what this release makes. Changes nothing. Raises StoreUnavailable, SchemaError."""
        ...

    def plan(self) -> list[str]:
        """The SQL that `migrate` would run, empty where nothing is to be done. Changes nothing."""
        ...

    def migrate(self) -> list[int]:
        """Bring the tables to `Versions.newest`; the numbers of the steps taken. Several may try at once."""
        ...


@runtime_checkable
class Guarded(Protocol):
    """A store whose server gives rights to roles."""

    def check_worker(self) -> None:
        """SchemaError where the role we are may not do what a worker must."""
        ...

    def grants(self, right: Right, role: str) -> list[str]:
        """The SQL that gives ``role`` what it needs, for whoever owns the tables to run."""
        ...
