"""What every store promises. A store keeps jobs; it decides nothing.

All methods are synchronous, take and give batches, and may be called from several threads at once. A call either
happens whole or raises a `StoreError` and leaves nothing behind (a lost connection in the middle of a commit may leave the
outcome unknown; every call can be repeated: ids are made by the caller, changes are fenced).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from longshore.callers import Caller, Steps
from longshore.model import Change, Claim, JobRecord, Where


class Exchange(NamedTuple):
    """What one round trip came to."""

    #: ids of the changes that were made; a change whose id is absent was refused: its fence had moved
    accepted: frozenset[str]
    #: the claimed jobs, in claim order
    jobs: list[JobRecord]
    #: where fewer jobs than asked for were due: when the next one of these queues, paused ones left out, will be
    #: (None: nothing is queued there, or the claim was filled)
    next_at: float | None


class Subscription(Protocol):
    def close(self) -> None:
        """No further calls back. Idempotent."""
        ...


class Store(Protocol):
    """See the module. Topics are ``queue:NAME`` (something may be due there), ``job:ID`` (it ended), ``leases`` (a lease
    holder was asked something), ``ticks`` (a schedule changed). A subscription to ``queue:*`` hears every queue. Stores
    never publish by themselves: whoever changes a job does.
    """

    #: the URL with any password masked, for people
    url: str
    #: whether `add` can run on a connection of the caller's
    transactional: bool

    def open(self) -> None:
        """Connect; create the schema where there is none. Idempotent. Raises SchemaError, StoreUnavailable, ConfigError."""
        ...

    def close(self) -> None:
        """Let go of everything. Idempotent; a later call opens again."""
        ...

    def now(self) -> float:
        """The store's time, seconds since the epoch. Only this clock decides when a job is due or a lease is over."""
        ...

    def add(self, jobs: Sequence[JobRecord], connection: Any = None) -> list[JobRecord]:
        """Store all, atomically; give one record for each job, in order: itself, or who stands in its way.

        A job whose id is stored already is not stored again: the stored one comes back (so an enqueue whose answer was
        lost can be repeated). A job whose unique key is held is not stored: the holder comes back, and where the job's
        mode is ``replace`` and the holder has not begun, it took over the new request (`model.replaced`).
        With ``connection``: inside the caller's own transaction, which the store neither begins nor ends; no
        hint is published. Raises StoreFull, StoreUnavailable; ConfigError: a connection that cannot be joined.
        """
        ...

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """What `add` does with a ``connection``, as statements for `Caller.run` or `Caller.arun`.

        ConfigError, at the first of them: the connection leads elsewhere, or this store can join none.
        """
        ...

    def exchange(self, changes: Sequence[Change], claim: Claim | None) -> Exchange:
        """Settle what finished and claim what fits: one atomic round trip.

        Changes are made in order, each only while its job is still (id, state, attempt); a change that would
        let two jobs hold one unique key is refused too. Then jobs are claimed as `model.claimed` says: queued, due, of
        the claim's queues and not of a paused one, by priority (higher first), due time, id; each to one caller only.
        """
        ...

    def apply(self, changes: Sequence[Change]) -> frozenset[str]:
        """The first half of `exchange`: the ids of the jobs of which at least one change was made.

        StoreError: a change sets what is no field of a job, or its id.
        """
        ...

    def extend(self, leases: Sequence[tuple[str, int]], lease: float) -> dict[str, bool]:
        """Move the (id, attempt) leases still held to now + ``lease`` seconds. id → cancel requested; absent: lost.

        A lease that lapsed but was taken over by nobody is still held.
        """
        ...

    def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """The jobs that exist, by id."""
        ...

    def find(self, where: Where, limit: int, after: str | None = None) -> list[JobRecord]:
        """Jobs by descending id (newest first), at most ``limit``, below the id ``after``.

        Times in ``where`` are inclusive.
        """
        ...

    def count(self) -> dict[tuple[str, str], int]:
        """(queue, state) → how many. Zero is left out."""
        ...

    def oldest(self) -> dict[str, float]:
        """queue → due time of its longest-waiting due job, paused or not. Queues with none due are left out."""
        ...

    def delete(self, ids: Sequence[str]) -> frozenset[str]:
        """Remove jobs that are finished or held; those not removed are not in the answer."""
        ...

    def purge(self, limit: int) -> int:
        """Remove at most ``limit`` finished jobs whose ``purge_at`` has come; how many were removed."""
        ...

    def publish(self, topics: Iterable[str]) -> None:
        """Tell whoever listens, in any process. Losing a hint costs latency, never a job. Never raises for a lost one."""
        ...

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """Call back, from any thread and perhaps more than once, when one of the topics is published.

        The callback must be quick and must not call the store.
        """
        ...

    def put(self, kind: str, key: str, doc: Mapping[str, Any], expires: float | None = None) -> None:
        """Keep a small document, replacing one of the same kind and key; gone ``expires`` seconds from now.

        Documents of kind ``paused`` are obeyed by claims: their key is the name of a paused queue.
        """
        ...

    def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """key → document, those that have not expired."""
        ...

    def drop(self, kind: str, key: str) -> bool:
        """Forget a document; whether there was one."""
        ...

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        """Take, or go on holding, what only one may have at a time; whether ``owner`` has it for ``seconds`` from now.

        False: somebody else has it. 0 seconds: let go of it.
        """
        ...
