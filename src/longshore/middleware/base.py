"""The one shape around running a job and the one around enqueueing it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from longshore.context import Context
    from longshore.outcome import Outcome
    from longshore.task import Request, Task


class Middleware:
    """Wraps what tasks do. Subclass it, override what you need, and give it to ``App(middleware=[...])``.

    ``options`` declares the task options a middleware brings, name → default: ``@app.task(audit=True)`` is then accepted, a
    misspelt one refused where it is written, and ``task.extra["audit"]`` gives its value.
    """

    options: ClassVar[Mapping[str, Any]] = {}

    def running(self, context: Context, task: Task[..., Any]) -> Generator[None, Outcome, Outcome | None]:
        """Around one run, in the thread (or coroutine's task) that runs it.

        Code before the ``yield`` runs before the task's function, which finds contextvars set there; the ``yield``
        gives the outcome; a returned outcome replaces it. An exception before the ``yield`` is taken as the task's own, and
        the function is not called: raise `Snooze` or `Discard` to steer.
        """
        yield
        return None

    def enqueueing(self, request: Request) -> Request:
        """Around one enqueue, in the caller's thread, before anything is stored: give the request, or a changed one.

        An exception refuses the enqueue and reaches the caller.
        """
        return request
