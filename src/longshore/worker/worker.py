"""One worker: a feed, a keeper and the executors around one event loop, in this process."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Self

from longshore.errors import ConfigError, WorkerError
from longshore.model import Claim
from longshore.outbox import Mover
from longshore.outbox.outbox import TOPIC as TOPIC_OF_OUTBOX
from longshore.outcome import Outcome
from longshore.periodic.schedules import TOPIC
from longshore.stores.upkeep import Guarded
from longshore.worker.execute import Execution, timed_out
from longshore.worker.executors.coroutines import CoroutineExecutor
from longshore.worker.executors.processes import ProcessExecutor
from longshore.worker.executors.threads import ThreadExecutor
from longshore.worker.feed import Feed
from longshore.worker.host import Host
from longshore.worker.keeper import Keeper
from longshore.worker.loop import LoopThread
from longshore.worker.name import Name
from longshore.worker.observer import Observer
from longshore.worker.run import Run
from longshore.worker.stalls import Stall, Stalls
from longshore.worker.ticker import Ticker
from longshore.worker.watchdog import Watchdog

_log = logging.getLogger("longshore.worker")

#: seconds a worker that was told to stop at once may still take to give its jobs back
GIVE_BACK = 5.0


class Worker:
    """See `App.worker`. Use it once: as a context manager, or `start` … `stop` … `join`.

    ``async with`` runs coroutine tasks in the running loop, beside the caller's own; else they have a loop and a thread of
    their own.
    """

    def __init__(
        self,
        app: Host,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 50,
        processes: int | None = None,
        burst: bool = False,
        name: str | None = None,
        drain_timeout: float | None = 30.0,
        observer: Observer | None = None,
    ) -> None:
        if concurrency < 1:
            raise ConfigError(f"concurrency={concurrency!r}: give a whole number of at least 1")
        if processes is not None and processes < 1:
            raise ConfigError(f"processes={processes!r}: give a whole number of at least 1")
        self.app = app
        self._name = Name(name)
        self.queues = None if queues is None else tuple(queues)
        self.concurrency = concurrency
        self.processes = processes or os.cpu_count() or 1
        self.drain_timeout = drain_timeout
        self.observer = observer or Observer()
        #: why it died, if it did
        self.error: BaseException | None = None
        self.state = "new"
        self._burst = burst
        self._ended = threading.Event()
        self._scope = ExitStack()
        self._threads: list[threading.Thread] = []
        self._deadline: threading.Timer | None = None

    @property
    def name(self) -> str:
        """What it is called; where another worker of a given name lives, `start` adds something to it."""
        return self._name.text

    @property
    def counts(self) -> Counter[str]:
        """How many jobs it settled, by the state they went to; ``refused``: leases lost, outcomes refused."""
        return Counter(self.feed.counts) if self.state != "new" else Counter()

    @property
    def running(self) -> int:
        """How many jobs it holds."""
        return len(self.feed.leased) if self.state != "new" else 0

    @property
    def stalled(self) -> Stall | None:
        """Since when and why it makes no progress; None: all is well."""
        return self.stalls.current if self.state in ("running", "draining") else None

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self, loop: asyncio.AbstractEventLoop | None = None) -> Self:
        """Begin to work and return. With ``loop``: coroutine tasks run there; call it in that loop's thread."""
        if self.state != "new":
            raise WorkerError("a worker is used once; make another: app.worker()")
        app = self.app
        store = app.store
        if isinstance(store, Guarded):
            store.check_worker()
        self._name.take(store, app.lease)
        self._scope.enter_context(app.hosting())
        if loop is None:
            own = self._scope.enter_context(LoopThread(self._die))
            loop, loop_thread = own.loop, own.ident
        else:
            loop_thread = threading.get_ident()
        self._build(loop)
        self.watchdog = Watchdog(
            loop,
            loop_thread,
            lambda: bool(self.coroutines.active),
            self.feed.dealings.silence,
            self.observer,
            self.stalls,
        )
        topics = [f"queue:{queue}" for queue in self.queues] if self.queues is not None else ["queue:*"]
        self._subscriptions = [
            store.subscribe(topics, self.feed.hint),
            store.subscribe(["leases"], self.keeper.asked),
            store.subscribe([TOPIC], self.ticker.changed),
        ]
        self.state = "running"
        self._started_at = store.now()
        for target in (self.keeper.run, self.watchdog.run, self.ticker.run, self._feed):
            self._thread(target)
        if self.mover is not None:
            self._subscriptions.append(store.subscribe([TOPIC_OF_OUTBOX], self.mover.hint))
            self._thread(self.mover.run)
        return self

    def _build(self, loop: asyncio.AbstractEventLoop) -> None:
        app, store = self.app, self.app.store
        execution = Execution(app.middleware, store.now, app.max_result)

        def late(run: Run) -> Outcome:
            return timed_out(execution, run)

        self.stalls = Stalls(self.observer, lambda: self.keeper.changed())
        self.feed = Feed(
            store,
            app.tasks,
            app.task_named,
            Claim(self.name, self.concurrency, app.lease, self.queues),
            app.max_crashes,
            self.observer,
            lambda context, said: self.keeper.report(context, said),
            self.stalls,
            self._name,
        )
        self.keeper = Keeper(
            store,
            self.feed,
            self._name,
            app.lease,
            app.sweep,
            app.max_crashes,
            self.observer,
            self.describe,
            late,
            self.stalls,
        )
        self.coroutines = CoroutineExecutor(self.concurrency, execution, self.feed.ended, loop, late)
        self.feed.executors = {
            "async": self.coroutines,
            "sync": ThreadExecutor(self.concurrency, execution, self.feed.ended),
            "process": ProcessExecutor(
                self.processes, execution, self.feed.ended, late, app.max_result, app.prepare
            ),
        }
        self.ticker = Ticker(store, app.schedules, app.tasks, self.feed.hint, self._alone)
        self.mover = None if app.outbox is None else Mover(app.outbox, self.feed.hint)
        if self._burst:
            self.feed.idle = self._idle

    def _alone(self) -> bool:
        """Whether no other worker has said of late that it is at work."""
        return not any(name != self.name for name in self.app.store.list("worker"))

    def _idle(self) -> None:
        """Nothing is left to do; with due ticks not made into jobs yet, or jobs in the outbox, something may come."""
        if self.ticker.ready and (self.mover is None or self.mover.ready):
            self.stop()

    def _thread(self, target: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                target()
            except BaseException as error:
                self._die(error)

        name = f"longshore-{getattr(target, '__self__', self).__class__.__name__.lower()}"
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _feed(self) -> None:
        """The feed's thread: its end is the worker's end."""
        try:
            self.feed.run()
        except BaseException as error:
            self._die(error)
            self.feed.last_words()
        finally:
            self._finish()

    def _die(self, error: BaseException) -> None:
        """One of our own threads died: stop everything, loudly. A worker is never half alive."""
        _log.critical("worker %s dies: an internal thread failed", self.name, exc_info=error)
        self.error = self.error or error
        self.stop_now()

    def _finish(self) -> None:
        """Let go of everything; whoever waits for the worker goes on."""
        if self._ended.is_set():
            return
        self.state = "stopped"
        if self._deadline is not None:
            self._deadline.cancel()
        self.watchdog.stop()
        self.keeper.stop()
        self.ticker.stop()
        if self.mover is not None:
            self.mover.stop()
        for subscription in self._subscriptions:
            subscription.close()
        for executor in self.feed.executors.values():
            executor.close()
        self._ended.set()

    def stop(self) -> None:
        """Take no more jobs, give back what has not begun, end when what runs has ended. Returns at once.

        After ``drain_timeout`` seconds what still runs is given back too. Leases are kept until then.
        """
        if self.state != "running":
            return
        self.state = "draining"
        self.ticker.stop()
        if self.mover is not None:
            self.mover.stop()
        self.feed.drain()
        self.keeper.changed()
        self.observer.draining(len(self.feed.runs))
        if self.drain_timeout is not None:
            self._deadline = threading.Timer(self.drain_timeout, self.stop_now)
            self._deadline.daemon = True
            self._deadline.start()

    def stop_now(self) -> None:
        """Give all jobs back at once: coroutines are cancelled, processes killed, threads left to themselves."""
        if self.state not in ("running", "draining"):
            return
        self.state = "draining"
        self.feed.release_all()
        # Should the store be away, the leases will lapse in its stead.
        last = threading.Timer(GIVE_BACK, self._finish)
        last.daemon = True
        last.start()
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = last

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False: not in time. WorkerError: it died."""
        if not self._ended.wait(timeout):
            return False
        self._close()
        return True

    async def ajoin(self) -> None:
        """As `join`, without blocking the event loop."""
        await asyncio.to_thread(self._ended.wait)
        await self.coroutines.aclose()
        self._close()

    def _close(self) -> None:
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(1.0)
        self._scope.close()
        if self.error is not None:
            raise WorkerError(f"worker {self.name} died: {self.error!r}") from self.error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop_for(kind)
        self.join()

    async def __aenter__(self) -> Self:
        return self.start(asyncio.get_running_loop())

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await asyncio.to_thread(self._stop_for, kind)
        await self.ajoin()

    def _stop_for(self, kind: type[BaseException] | None) -> None:
        # Left by an exception, nobody is interested in what still runs.
        if kind is None:
            self.stop()
        else:
            self.stop_now()

    # -- for others ----------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """What its heartbeat tells."""
        now, stall = self.app.store.now(), self.stalled
        return {
            "name": self.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "state": "stalled" if stall is not None and self.state == "running" else self.state,
            "stalled": None if stall is None else {"since": now - stall.seconds, "why": stall.why},
            "queues": None if self.queues is None else list(self.queues),
            "concurrency": self.concurrency,
            "running": [f"{run.job.task} {run.job.id}" for run in list(self.feed.runs.values())[:50]],
            "leased": len(self.feed.leased),
            "tasks": len(self.app.tasks),
            "counts": dict(self.feed.counts),
            "started_at": self._started_at,
            "beat_at": now,
            "beat_every": self.app.lease / 3,
        }
