"""What a person should know who waits in vain."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from longshore.errors import StoreError
from longshore.model import JobRecord
from longshore.stores.base import Store


def why_waiting(store: Store, job: JobRecord) -> str:
    """Why this job has not begun, and what to do; empty where there is nothing to say. Begins with a punctuation mark."""
    if job.state == "running":
        return f", on worker {job.worker}"
    if job.state != "queued":
        return ""
    if job.reason:
        return f": {job.reason}"
    try:
        return _why_queued(store, job)
    except StoreError:
        return ""  # who may only enqueue may not look at the rest; the job is stored all the same


def _why_queued(store: Store, job: JobRecord) -> str:
    if job.queue in store.list("paused"):
        return f', because the queue "{job.queue}" is paused. Resume it: longshore queues resume {job.queue}'
    if job.run_at > store.now():
        return f", and not due for another {job.run_at - store.now():.0f} s"
    return unserved(store, job.queue)


def silent(beat: Mapping[str, Any], now: float) -> float | None:
    """For how many seconds nothing was heard of a worker, if that is longer than it promised; None: it keeps its word."""
    quiet = now - float(beat.get("beat_at", now))
    return quiet if quiet > 2 * float(beat.get("beat_every", 5.0)) + 1 else None


def unserved(store: Store, queue: str) -> str:
    """Whether any live worker serves the queue; if none, what to do. Empty, too, where we may not look."""
    try:
        workers = store.list("worker")
    except StoreError:
        return ""
    served: set[str] = set()
    now = store.now()
    for worker in workers.values():
        if silent(worker, now) is not None:
            continue
        if worker.get("queues") is None or queue in worker["queues"]:
            return ""
        served.update(worker["queues"])
    start = f"Start one: longshore worker MODULE:APP -q {queue}"
    if not served:
        return f", and no worker is running. {start}"
    near = get_close_matches(queue, served, 1)
    guess = f' Did you mean "{near[0]}"?' if near else ""
    return f', and no live worker serves the queue "{queue}" (served: {", ".join(sorted(served))}).{guess} {start}'
