"""The async door to a synchronous store: one thread per app that takes what has gathered and stores it as one batch.

Group commit by natural batching: it never waits for a batch to fill; what arrives while one batch is being committed
leaves with the next. `await` returns once the caller's own part is committed.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from longshore.model import JobRecord
from longshore.stores.base import Store

T = TypeVar("T")

#: most jobs stored in one batch
BATCH = 1000


class _Errand:
    """One caller's request, and the future it awaits."""

    __slots__ = ("argument", "error", "future", "loop", "result", "verb")

    def __init__(self, verb: str | Callable[[], Any], argument: Any) -> None:
        self.verb = verb
        self.argument = argument
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Courier:
    """Started by the first errand; a forked child starts its own. ``store`` gives the store, opened, and is called in the
    courier's thread: opening may take a while."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._errands: deque[_Errand] = deque()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._closed = False

    async def add(self, jobs: Sequence[JobRecord]) -> list[JobRecord]:
        """`Store.add`, in one batch with what others ask for meanwhile; hints are published."""
        result: list[JobRecord] = await self._send(_Errand("add", jobs))
        return result

    async def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        """`Store.get`, in one batch with what others ask for meanwhile."""
        result: dict[str, JobRecord] = await self._send(_Errand("get", ids))
        return result

    async def call(self, function: Callable[[], T]) -> T:
        """Call ``function`` in the courier's thread."""
        result: T = await self._send(_Errand(function, None))
        return result

    def close(self) -> None:
        """Finish what was asked for and end the thread. Idempotent."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
            self._wake.set()
        if thread is not None and self._pid == os.getpid():
            thread.join()

    def _send(self, errand: _Errand) -> asyncio.Future[Any]:
        self._errands.append(errand)
        if self._thread is None or self._pid != os.getpid():
            self._start()
        if not self._wake.is_set():
            self._wake.set()
        return errand.future

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None and self._pid == os.getpid():
                return
            if self._pid != os.getpid():
                # A forked child: the parent's thread is not here, and its errands are the parent's.
                self._errands = deque(
                    e for e in self._errands if not e.loop.is_closed() and e.loop.is_running()
                )
                self._wake = threading.Event()
            self._pid = os.getpid()
            self._closed = False
            self._thread = threading.Thread(target=self._run, name="longshore-courier", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._errands:
                self._carry([self._errands.popleft() for _ in range(min(len(self._errands), BATCH))])
            if self._closed:
                return

    def _carry(self, errands: Sequence[_Errand]) -> None:
        self._carry_adds([e for e in errands if e.verb == "add"])
        self._carry_gets([e for e in errands if e.verb == "get"])
        for errand in errands:
            if callable(errand.verb):
                try:
                    errand.result = errand.verb()
                except BaseException as error:
                    errand.error = error
        by_loop: dict[asyncio.AbstractEventLoop, list[_Errand]] = {}
        for errand in errands:
            by_loop.setdefault(errand.loop, []).append(errand)
        for loop, done in by_loop.items():
            try:
                loop.call_soon_threadsafe(_hand_over, done)
            except RuntimeError:  # that loop is closed: nobody waits any more
                continue

    def _carry_adds(self, errands: Sequence[_Errand]) -> None:
        if not errands:
            return
        jobs = [job for errand in errands for job in errand.argument]
        try:
            store = self._store()
            stored = iter(store.add(jobs))
            store.publish({f"queue:{job.queue}" for job in jobs})
        except BaseException as error:
            for errand in errands:
                errand.error = error
            return
        for errand in errands:
            errand.result = [next(stored) for _ in errand.argument]

    def _carry_gets(self, errands: Sequence[_Errand]) -> None:
        if not errands:
            return
        try:
            found = self._store().get(list({i for errand in errands for i in errand.argument}))
        except BaseException as error:
            for errand in errands:
                errand.error = error
            return
        for errand in errands:
            errand.result = {i: found[i] for i in errand.argument if i in found}


def _hand_over(errands: Sequence[_Errand]) -> None:
    for errand in errands:
        if errand.future.done():  # its caller was cancelled; what it asked for happened all the same
            continue
        if errand.error is not None:
            errand.future.set_exception(errand.error)
        else:
            errand.future.set_result(errand.result)
