"""What Django does around a request, around a job."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from weakref import WeakSet

from asgiref.sync import SyncToAsync, ThreadSensitiveContext
from django.core.cache import close_caches
from django.db import close_old_connections, connections, reset_queries
from django.db.backends.base.base import BaseDatabaseWrapper

from longshore.context import Context
from longshore.middleware.base import Middleware
from longshore.outcome import Outcome
from longshore.task import Task


class AroundJobs(Middleware):
    """Connections are closed or kept as CONN_MAX_AGE says, the list of DEBUG's queries is emptied, caches are closed.

    A coroutine gets a thread of its own for what is synchronous, as an ASGI request does, and what was connected there is
    closed with it. A job that runs inside its caller (eager, or `run_jobs`) is part of what that does: nothing happens.
    """

    def running(self, context: Context, task: Task[..., Any]) -> Generator[None, Outcome, Outcome | None]:
        """See `Middleware.running`."""
        if (context.record.worker or "").startswith("inline:"):
            yield
        elif task.kind == "async":
            yield from _coroutine()
        else:
            yield from _thread()
        return None


#: Connections that threads of a worker keep from one job to the next.
_kept: WeakSet[BaseDatabaseWrapper] = WeakSet()


def close_kept() -> None:
    """When a worker has ended: its threads will not come back to close what they have open."""
    while _kept:
        connection = _kept.pop()
        connection.inc_thread_sharing()
        connection.close()


def _thread() -> Generator[None, Outcome, None]:
    reset_queries()
    close_old_connections()
    yield
    close_old_connections()
    close_caches()
    _kept.update(connections.all(initialized_only=True))


def _coroutine() -> Generator[None, Outcome, None]:
    # The job's own contextvars end with it.
    own = ThreadSensitiveContext()
    SyncToAsync.thread_sensitive_context.set(own)
    yield
    thread = SyncToAsync.context_to_thread_executor.pop(own, None)
    if thread is not None:
        thread.submit(_leave)
        thread.shutdown(wait=False)


def _leave() -> None:
    connections.close_all()
    close_caches()
