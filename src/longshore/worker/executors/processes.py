"""CPU-bound functions, each in a process of its own that can be killed."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import msgspec

from longshore.model import Progress
from longshore.outcome import Begun, Crashed, Outcome
from longshore.worker.death import how
from longshore.worker.execute import Execution
from longshore.worker.executors import Ended
from longshore.worker.run import Run

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_decode = msgspec.msgpack.Decoder(Outcome | Progress | Begun).decode
_encode = msgspec.msgpack.Encoder().encode

#: seconds a new process may take to import what the task needs
START_TIMEOUT = 120.0


class ProcessExecutor:
    """At most ``limit`` spawned processes, each run by a thread of ours that hands it one job after another.

    Spawned, not forked: a fork of a process with threads may inherit locks nobody will release. A process is kept for
    the next job and killed when its job's time-out passes or its cancellation is asked for; one that dies under its job
    is a crash of that job alone.
    """

    _numbers = itertools.count(1)

    def __init__(
        self,
        limit: int,
        execution: Execution,
        ended: Ended,
        timed_out: Callable[[Run], Outcome],
        max_result: int,
        prepare: str = "",
    ) -> None:
        self._limit = limit
        self._execution = execution
        self._max_result = max_result
        self._prepare = prepare
        self._ended = ended
        self._timed_out = timed_out
        self._waiting: deque[Run] = deque()
        self._wake = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._children: set[Child] = set()

    def submit(self, runs: Sequence[Run]) -> None:
        with self._wake:
            self._waiting.extend(runs)
            for _ in range(min(len(self._waiting) - self._idle, self._limit - self._threads)):
                self._threads += 1
                name = f"longshore-process-{next(self._numbers)}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
            self._wake.notify(len(runs))

    def capacity(self) -> int:
        """One more lot than there are processes, so that none waits for the store between two jobs."""
        with self._wake:
            busy = self._threads - self._idle + len(self._waiting)
        return max(0, 2 * self._limit - busy)

    def withdraw(self) -> list[Run]:
        with self._wake:
            runs = list(self._waiting)
            self._waiting.clear()
        return runs

    def close(self) -> None:
        with self._wake:
            self._closed = True
            children = list(self._children)
            self._wake.notify_all()
        for child in children:
            child.kill()

    def _work(self) -> None:
        child: Child | None = None
        while (run := self._next()) is not None:
            try:
                if child is None or not child.usable:
                    child = self._spawn()
                outcome = run.stop or self._execution.around(run, partial(child.run, run, self._timed_out))
            except (
                Exception
            ) as error:  # no process to be had, say: nothing may take this thread away from the others
                outcome = self._execution.failed(run, error)
            if child is not None and not child.usable:
                self._forget(child)
            self._ended(run, outcome)
        if child is not None:
            child.kill()
            self._forget(child)

    def _next(self) -> Run | None:
        with self._wake:
            self._idle += 1
            while not self._waiting and not self._closed:
                self._wake.wait()
            self._idle -= 1
            return None if self._closed else self._waiting.popleft()

    def _spawn(self) -> Child:
        child = Child(self._max_result, self._prepare)
        with self._wake:
            self._children.add(child)
        return child

    def _forget(self, child: Child) -> None:
        with self._wake:
            self._children.discard(child)


class Child:
    """One spawned process and the pipe to it."""

    def __init__(self, max_result: int, prepare: str) -> None:
        # Imported here: multiprocessing is slow to import, and few workers need it.
        from multiprocessing import get_context

        from longshore.worker.executors.child import main

        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=main, args=(theirs, max_result, prepare), daemon=True
        )
        self._process.start()
        theirs.close()
        self.usable = True

    def _stop(self, _: Run) -> None:
        self.kill()

    def kill(self) -> None:
        self.usable = False
        self._process.kill()

    def run(self, run: Run, timed_out: Callable[[Run], Outcome]) -> Outcome:
        """Hand it the job and wait for what it comes to."""
        run.stopper = self._stop
        try:
            if run.stop is not None:  # before there was anything to stop
                return run.stop
            task = run.task
            self._pipe.send_bytes(_encode((task.module, task.qualname, task.name, run.job)))
            return self._answer(run, timed_out)
        except (EOFError, OSError):
            return self._died(run)
        finally:
            run.stopper = None

    def _answer(self, run: Run, timed_out: Callable[[Run], Outcome]) -> Outcome:
        pipe: Connection = self._pipe
        timeout = run.task.options.timeout
        # Its time-out counts from when its function begins; until then the process may have to import the user's modules.
        deadline: float | None = time.monotonic() + START_TIMEOUT
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not pipe.poll(left):
                run.halt(timed_out(run))
                return self._died(run)
            said: Outcome | Progress | Begun = _decode(pipe.recv_bytes())
            if isinstance(said, Begun):
                run.begun = time.monotonic()
                deadline = None if timeout is None else run.begun + timeout
            elif isinstance(said, Progress):
                run.context.progress(said.done, said.total, said.note)
            else:
                return said

    def _died(self, run: Run) -> Outcome:
        self.usable = False
        self._pipe.close()
        self._process.join()
        if run.stop is not None:
            return run.stop
        code = self._process.exitcode or 0
        return Crashed(how(code) if code < 0 else f"{how(code)} in the middle of the job")
