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
from weakref import WeakSet

from longshore.model import JobRecord
from longshore.stores.base import Store

T = TypeVar("T")

#: most jobs stored in one batch
BATCH = 1000

#: What is asked for, of what, and the future its caller awaits. Plain tuples: there is one for every enqueued job.
Errand = tuple[str | Callable[[], Any], Any, asyncio.Future[Any]]
#: A future, and the result or the error it gets.
Answer = tuple[asyncio.Future[Any], Any, BaseException | None]


_couriers: WeakSet[Courier] = WeakSet()


class Courier:
    """Started by the first errand; a forked child starts its own. ``store`` gives the store, opened, and is called in the
    courier's thread: opening may take a while."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._fresh()
        _couriers.add(self)

    def _fresh(self) -> None:
        self._errands: deque[Errand] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        #: the thread's own: one that was told to end and the one after it do not take each other's
        self._wake = threading.Event()

    def add(self, jobs: Sequence[JobRecord]) -> asyncio.Future[list[JobRecord]]:
        """`Store.add`, in one batch with what others ask for meanwhile; hints are published."""
        return self._send("add", jobs)

    def get(self, ids: Sequence[str]) -> asyncio.Future[dict[str, JobRecord]]:
        """`Store.get`, in one batch with what others ask for meanwhile."""
        return self._send("get", ids)

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call ``function`` in the courier's thread."""
        return self._send(function, None)

    def close(self) -> None:
        """Finish what was asked for and end the thread. Idempotent."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._wake.set()
        if thread is not None:
            thread.join()

    def _send(self, verb: str | Callable[[], Any], argument: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # First the errand, then the look at the thread: so one that is just ending still sees it.
        self._errands.append((verb, argument, future))
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._wake.set()
        return future

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._wake = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._wake,), name="longshore-courier", daemon=True
                )
                self._thread.start()

    def _run(self, wake: threading.Event) -> None:
        while True:
            wake.wait()
            wake.clear()
            last = self._thread is not threading.current_thread()
            while errands := self._take():
                self._carry(errands)
            if last:
                return

    def _take(self) -> list[Errand]:
        errands: list[Errand] = []
        try:
            while len(errands) < BATCH:
                errands.append(self._errands.popleft())
        except IndexError:  # that was all
            pass
        return errands

    def _carry(self, errands: Sequence[Errand]) -> None:
        answers = self._add([errand for errand in errands if errand[0] == "add"])
        answers += self._get([errand for errand in errands if errand[0] == "get"])
        answers += [_called(verb, future) for verb, _, future in errands if callable(verb)]
        by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
        for answer in answers:
            by_loop.setdefault(answer[0].get_loop(), []).append(answer)
        for loop, done in by_loop.items():
            try:
                loop.call_soon_threadsafe(_hand_over, done)
            except RuntimeError:  # that loop is closed: nobody waits any more
                continue

    def _add(self, errands: Sequence[Errand]) -> list[Answer]:
        if not errands:
            return []
        jobs = [job for _, own, _ in errands for job in own]
        try:
            store = self._store()
            stored = store.add(jobs)
            store.publish([f"queue:{queue}" for queue in {job.queue for job in jobs}])
        except BaseException as error:
            return [(future, None, error) for _, _, future in errands]
        answers: list[Answer] = []
        start = 0
        for _, own, future in errands:
            answers.append((future, stored[start : start + len(own)], None))
            start += len(own)
        return answers

    def _get(self, errands: Sequence[Errand]) -> list[Answer]:
        if not errands:
            return []
        try:
            found = self._store().get(list({i for _, ids, _ in errands for i in ids}))
        except BaseException as error:
            return [(future, None, error) for _, _, future in errands]
        return [(future, {i: found[i] for i in ids if i in found}, None) for _, ids, future in errands]


def _called(function: Callable[[], Any], future: asyncio.Future[Any]) -> Answer:
    try:
        return future, function(), None
    except BaseException as error:
        return future, None, error


def _hand_over(answers: Sequence[Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its caller was cancelled; what it asked for happened all the same
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)


def _in_child() -> None:
    """In a forked child: the parent's thread is not here, its lock may be held for ever, and its errands are its own."""
    for courier in list(_couriers):
        courier._fresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
