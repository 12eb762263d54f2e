"""Jobs to try a store with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from longshore.model import Change, Claim, JobRecord
from longshore.stores.base import Store

#: Text that has broken somebody's store: quotes, comments, NUL, emoji, combining marks, right-to-left, wildcards, no text.
HOSTILE: Final = (
    "o'hara",
    '"; DROP TABLE longshore_jobs; --',
    "nul\0inside",
    "👩‍🚀 naïve e\u0301",
    "\u202eright-to-left",
    "%_*?[a]{b}$1:now@x#",
    "line\r\nbreak\ttab",
    "\\u0000 \\",
    "null",
    "queue:*",
    "\uffff\U0010ffff",
    "x" * 5000,
    " ",
    "",
)


def number(n: int) -> str:
    """The id of the ``n``-th sample."""
    return f"{n:032x}"


def job(n: int, at: float = 1_700_000_000.0, **fields: Any) -> JobRecord:
    """A queued job with this number, created and due at ``at``."""
    values: dict[str, Any] = {"task": "task", "queue": "default", "args": b"", "run_at": at, "created_at": at}
    return JobRecord(id=number(n), **(values | fields))


def jobs(count: int, start: int = 1, **fields: Any) -> list[JobRecord]:
    """So many of them."""
    return [job(n, **fields) for n in range(start, start + count)]


def claim(
    store: Store, limit: int = 10, worker: str = "w", lease: float = 15.0, queues: Sequence[str] | None = None
) -> list[JobRecord]:
    """Claim and nothing else."""
    asked = Claim(worker, limit, lease, None if queues is None else tuple(queues))
    return store.exchange([], asked).jobs


def running(store: Store, *added: JobRecord) -> list[JobRecord]:
    """Add these and claim them."""
    store.add(added)
    return claim(store, len(added))


def apply(store: Store, *changes: Change | None) -> frozenset[str]:
    """Make changes that must exist."""
    return store.apply([change for change in changes if change is not None])


def everything(store: Store) -> dict[str, JobRecord]:
    """All jobs, by pages."""
    from longshore.model import Where

    found: dict[str, JobRecord] = {}
    after: str | None = None
    while page := store.find(Where(), 500, after):
        found.update((one.id, one) for one in page)
        after = page[-1].id
    return found
