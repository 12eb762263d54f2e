"""The first lines of a worker: what it is, what it serves, what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longshore import __version__
from longshore.cli.output import count_of, one_line

if TYPE_CHECKING:
    from longshore.app import App


def banner(
    app: App, name: str, queues: Sequence[str] | None, concurrency: int, spec: str, how: str
) -> list[str]:
    """The lines. StoreError: the store cannot be opened."""
    found = f" ({how})" if how else ""
    served = ", ".join(queues) if queues is not None else "all queues"
    lines = [
        f"longshore {__version__}  worker {name}  store {app.open().url}  app {spec}{found}",
        f"queues    {served}    {count_of(len(app.tasks), 'task')}    {concurrency} at once    Ctrl+C drains",
    ]
    waiting = _waiting(app, queues)
    if waiting:
        lines.append(f"waiting   {waiting}")
    if not app.tasks:
        lines.append(f"warning   {spec} knows no task: import the modules that define them")
    if app.url.startswith("memory:"):
        lines.append("warning   memory:// is seen by this process alone: no other program can give it jobs")
    return [one_line(text) for text in lines]


def _waiting(app: App, queues: Sequence[str] | None) -> str:
    counts = {queue: number for (queue, state), number in app.store.count().items() if state == "queued"}
    paused = app.store.list("paused")
    told = []
    for queue in sorted({*counts, *(queues or ())}, key=lambda queue: (not _serves(queues, queue), queue)):
        note = "" if _serves(queues, queue) else " (not served by this worker)"
        told.append(f"{queue} {counts.get(queue, 0):,}{' (paused)' if queue in paused else ''}{note}")
    return " · ".join(told)


def _serves(queues: Sequence[str] | None, queue: str) -> bool:
    return queues is None or queue in queues
