"""What a web server has running beside its handlers, from its start to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from longshore.aio import Scheduler

if TYPE_CHECKING:
    from longshore.app import App


class Background:
    """A scheduler, and if wanted a durable queue and a worker for it, for one run of one server.

    `worker`: False for none, True for one with the defaults, or the keyword arguments of `App.worker`. `options` are
    those of `Scheduler`, checked at once. ValueError: a worker without a queue.
    """

    def __init__(self, queue: App | None, worker: bool | Mapping[str, Any], options: dict[str, Any]) -> None:
        if worker is not False and queue is None:
            raise ValueError("a worker needs a queue to work for: pass queue=App(...) too")
        Scheduler(**options)
        self.queue = queue
        self._worker = worker
        self._options = options

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Scheduler]:
        """Start it all, and stop it in an order in which nothing is missed.

        First the scheduler, as its last jobs may enqueue; then the worker, which drains; the queue last.
        """
        async with AsyncExitStack() as stack:
            if self.queue is not None:
                await stack.enter_async_context(self.queue)
                if self._worker is not False:
                    options = {} if self._worker is True else dict(self._worker)
                    await stack.enter_async_context(self.queue.worker(**options))
            yield await stack.enter_async_context(Scheduler(**self._options))
