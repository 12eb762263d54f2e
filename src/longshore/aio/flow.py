"""One stream of items through a scheduler: taken as there is room, spawned, handed out, and stopped as a whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Generic, Protocol, TypeVar

from .job import Job

A = TypeVar("A")
T = TypeVar("T")


class Spawn(Protocol):
    """`Scheduler.spawn`."""

    async def __call__(self, coro: Coroutine[Any, Any, T], *, timeout: float | None) -> Job[T]: ...


class Flow(Generic[A, T]):
    """Makes a job of each item, at most `window` of them not yet handed out and used.

    Closed jobs are handed out, in the order they were spawned if `as_spawned`, else as they close. A task of its
    own takes the items, so that a slow source does not hold back what is ready.
    """

    def __init__(
        self,
        spawn: Spawn,
        function: Callable[[A], Coroutine[Any, Any, T]],
        window: int,
        timeout: float | None,
        *,
        as_spawned: bool,
    ) -> None:
        self._spawn = spawn
        self._function = function
        self._timeout = timeout
        self._as_spawned = as_spawned
        self._room = asyncio.Semaphore(window)
        self._ready: asyncio.Queue[Job[T] | None] = asyncio.Queue()  # None: no more will come
        self._held: dict[Job[T], None] = {}  # spawned, and not yet handed out
        self._coming = 1  # what can still put something into `_ready`: the feeder, and open jobs
        self._feeder: asyncio.Task[None] | None = None
        self._stopped = False

    async def jobs(self, items: Iterable[A] | AsyncIterable[A]) -> AsyncIterator[Job[T]]:
        """Hand out the jobs. What taking the items raised is raised after the last job."""
        self._feeder = asyncio.create_task(self._feed(items), name="longshore.aio feeder")
        while (job := await self._ready.get()) is not None:
            if not job.closed:
                await job._closes(None)
            del self._held[job]  # from here on, its error is the taker's
            yield job
            self._room.release()
        await self._feeder

    async def stop(self) -> None:
        """Cancel what is under way, and wait for it as long as jobs may take to stop."""
        self._stopped = True  # from here on, errors are reported as those of any other job
        if self._feeder is not None and not self._feeder.done():
            self._feeder.cancel()
            await asyncio.wait([self._feeder])
        for job in self._held:
            if not job.closed:
                job._request_stop()
            elif (error := job.exception()) is not None:
                job._report(error)
        await self._all_closed()

    async def _all_closed(self) -> None:
        started = time.monotonic()
        for job in self._held:
            grace = job._owner.close_timeout
            if not job.closed:
                await job._closes(None if grace is None else max(0.0, started + grace - time.monotonic()))

    async def _feed(self, items: Iterable[A] | AsyncIterable[A]) -> None:
        source = aiter(items) if isinstance(items, AsyncIterable) else _asynchronous(items)
        try:
            while True:
                await self._room.acquire()
                self._take(await self._spawn(self._function(await anext(source)), timeout=self._timeout))
        except StopAsyncIteration:
            pass
        finally:
            self._arrived(None)
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _take(self, job: Job[T]) -> None:
        self._held[job] = None
        if self._as_spawned:
            self._ready.put_nowait(job)
        else:
            self._coming += 1
        if job.closed:  # already: an eager task factory
            self._closed(job)
        else:
            job._watch(self._closed)

    def _closed(self, job: Job[T]) -> bool:
        """`job` has closed; says that its error is heard, as long as the flow is being read."""
        if not self._as_spawned:
            self._arrived(job)
        return not self._stopped

    def _arrived(self, job: Job[T] | None) -> None:
        if job is not None:
            self._ready.put_nowait(job)
        self._coming -= 1
        if not self._coming:
            self._ready.put_nowait(None)


async def _asynchronous(items: Iterable[A]) -> AsyncIterator[A]:
    for item in items:
        yield item
