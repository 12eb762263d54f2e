"""App: store + tasks + the verbs. The composition root, and the one object a user makes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from longshore.courier import Courier
from longshore.duration import optional_seconds, seconds
from longshore.errors import ArgumentError, ConfigError, UniqueConflict
from longshore.ids import new_id, new_ids
from longshore.job import Job
from longshore.jobs import Jobs
from longshore.joining import Joining
from longshore.middleware.base import Middleware
from longshore.model import JobRecord
from longshore.outbox import open_outbox
from longshore.periodic import Declaration, Schedules
from longshore.periodic.entry import OverlapRule
from longshore.schedules import Schedule, as_schedule
from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.task import Book, Call, Registry, Request, Task, TaskDecorator, requests_of
from longshore.ticks import Bound, CatchUp

if TYPE_CHECKING:
    from longshore.worker.worker import Worker

URL_VARIABLE = "LONGSHORE_URL"
DEFAULT_URL = "sqlite:///longshore.db"
DEFAULT_KEEP = timedelta(days=7)
MIB = 1024 * 1024


class App:
    """Tasks, and the store their jobs are kept in.

    url           where jobs are kept: ``sqlite:///jobs.db``, ``memory://``; else the variable LONGSHORE_URL, else
                  ``sqlite:///longshore.db`` in the current folder
    lease         seconds a worker's claim on a job lasts unless it is renewed; renewed at a third of it
    sweep         seconds between a worker's looks for jobs whose lease lapsed
    max_crashes   a job under which a worker died this often is held for a person
    keep          how long finished jobs stay readable (seconds or timedelta; None: for ever)
    middleware    what wraps every run and every enqueue, outermost first
    max_args, max_result   most bytes of encoded arguments, or of a result
    eager         run jobs at once in the caller, on a memory store: for tests and debugging
    outbox        the URL of your own database (``postgresql://…``, ``sqlite:///…``): jobs enqueued with ``connection=``
                  wait there until your commit, then are moved to the store
    find_task     told the name whenever a worker is given a job of a task it does not know; it may make the task then

    Nothing is opened before the first use. ConfigError: a value that cannot work.
    """

    #: what prepares the processes of tasks with ``executor="process"``, see `worker.host`
    prepare: str = ""
    #: what starts a worker, for messages
    starts: str = "longshore worker MODULE:APP"

    def __init__(
        self,
        url: str | None = None,
        *,
        lease: float | timedelta = 15.0,
        sweep: float | timedelta = 5.0,
        max_crashes: int = 3,
        keep: float | timedelta | None = DEFAULT_KEEP,
        middleware: Sequence[Middleware] = (),
        max_args: int = MIB,
        max_result: int = MIB,
        eager: bool = False,
        outbox: str | None = None,
        find_task: Callable[[str], object] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.lease = seconds(lease, "lease", positive=True)
        self.sweep = seconds(sweep, "sweep", positive=True)
        if max_crashes < 1:
            raise ConfigError(f"max_crashes={max_crashes!r}: give a whole number of at least 1")
        self.max_crashes = max_crashes
        self.keep = optional_seconds(keep, "keep")
        self.middleware: Sequence[Middleware] = tuple(middleware)
        self._extra = {name: default for layer in middleware for name, default in layer.options.items()}
        self.max_args = max_args
        self.max_result = max_result
        self.eager = eager
        chosen = "memory://" if eager else (url or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
        self._store = open_store(chosen, clock=clock)
        self._clock = clock or time.time
        self._courier = Courier(lambda: self.store)
        #: where jobs enqueued in the caller's transaction wait, if the store is elsewhere
        self.outbox = None if outbox is None or eager else open_outbox(outbox, lambda: self.store)
        self._joining = Joining(lambda: self._store, self.outbox, lambda: self.store)
        self._book = Book(find_task, elsewhere=lambda: not self.url.startswith("memory:"))
        #: looking at jobs, and changing them by hand
        self.jobs = Jobs(lambda: self.store, self._courier, self._book.tasks, self.outbox)
        #: schedules at run time: put, get, list, pause, resume, trigger, remove
        self.schedules = Schedules(lambda: self.store, self._courier, self._book.tasks)
        self._lock = threading.Lock()
        self._opened = False
        #: workers running in this process
        self._workers = 0

    def __repr__(self) -> str:
        return f"<App {self.url} with {len(self._book.tasks)} tasks>"

    # -- life ----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The store's URL, any password masked."""
        return self._store.url

    @property
    def unopened(self) -> Store:
        """The store as it is, not opened by this: for those that look at its tables before anybody may use them."""
        return self._store

    @property
    def store(self) -> Store:
        """The store, opened. StoreError: it cannot be."""
        if not self._opened:
            with self._lock:
                if not self._opened:
                    self._store.open()
                    self._opened = True
        return self._store

    def open(self) -> Self:
        """Open the store, and the outbox if there is one, now rather than at the first use."""
        if self.outbox is not None:
            self.outbox.open()
        _ = self.store
        return self

    def close(self) -> None:
        """Let go of the store and the courier's thread. A later use opens again."""
        self._courier.close()
        self._joining.close()
        if self.outbox is not None:
            self.outbox.close()
        with self._lock:
            self._store.close()
            self._opened = False

    async def aclose(self) -> None:
        """As `close`. What async callers asked for before is committed first."""
        await self._courier.call(lambda: None)
        self.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await self._courier.call(self.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # -- tasks ---------------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> Registry:
        """Every task by its name; ``tasks.periodic()`` and ``tasks.regular()`` those with and without a schedule."""
        return self._book.registry()

    @property
    def task(self) -> TaskDecorator:
        """Makes a function, a coroutine function or a class with ``__call__`` a task.

        Bare (``@app.task``) or with options: ``name, queue, priority, retry, timeout, expires, unique, unique_mode, keep,
        executor`` (see `Options`) and those that middleware declares. TaskError: it cannot be a task, or the name is taken.
        """
        return TaskDecorator(self, self._book.add, self._extra)

    def periodic(
        self,
        schedule: Schedule | Callable[[datetime], object],
        /,
        *,
        name: str | None = None,
        catch_up: CatchUp = "latest",
        bound: Bound = None,
        overlap: OverlapRule = "allow",
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> TaskDecorator:
        """Runs a function, a class with ``__call__`` or an existing task at the times of a schedule, while any worker lives.

        Each time (tick) becomes one job, however many workers there are. What comes back is the task, with its ``schedule``.

        schedule   `crontab`, `every`, `at`, their union ``a | b``, or a function ``datetime -> bool`` asked each minute
        name       of the schedule, and of the task made (else the task's own name); needed for a task's second schedule
        catch_up   what becomes of ticks that no worker saw in time (10 s): ``none``, the ``latest``, or ``all``
        bound      at most so many of them (a number), or none older than that (a timedelta); ``all`` alone: 100
        overlap    when the job of an earlier tick has not ended: ``allow`` another beside it, ``skip`` the tick, or
                   ``queue``: one tick waits for its end, further ones are skipped. True: allow, False: skip. Or a function
                   of the task's arguments that answers one of these each time
        args, kwargs   the task's arguments
        options    of the task, see `task`; not for an existing one

        ConfigError: a value that cannot work. ArgumentError: the arguments do not fit. TaskError: it cannot be a task.
        """
        terms = {"catch_up": catch_up, "bound": bound, "overlap": overlap, "args": args, "kwargs": kwargs}
        declaration = Declaration(self.schedules, self._book, as_schedule(schedule), {"name": name, **terms})
        named = options if name is None else {"name": name, **options}
        return TaskDecorator(self, declaration.made, self._extra, named, declaration.again)

    def task_named(self, name: str) -> Task[..., Any] | None:
        """The task of this name, which ``find_task`` may make first; None: there is none. For a worker."""
        return self._book.named(name)

    # -- enqueueing: what tasks call (see task.Door) -------------------------------------------------------------

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> list[Job[Any]]:
        """Store all, atomically; a handle for each. What ``task.enqueue(...)`` comes to."""
        records = self._records(requests, connection)
        if not records:
            return []
        if self.eager:
            return [self._run_eagerly(record) for record in records]
        if connection is not None:
            return self._handles(records, self._joining.add(connection, records))
        store = self.store
        stored = store.add(records)
        store.publish({f"queue:{record.queue}" for record in records})
        return self._handles(records, stored)

    async def aenqueue(self, requests: Sequence[Request], connection: Any = None) -> list[Job[Any]]:
        """As `enqueue`, through the courier. With a ``connection``: by the connection, sync or async, in its own way."""
        records = self._records(requests, connection)
        if not records:
            return []
        if self.eager:
            return [await self._arun_eagerly(record) for record in records]
        if connection is None:
            return self._handles(records, await self._courier.add(records))
        return self._handles(records, await self._joining.aadd(connection, records))

    def enqueue_many(self, calls: Iterable[Call[Any]]) -> list[Job[Any]]:
        """Store calls of any tasks in one batch: ``app.enqueue_many([send.call(1), resize.call(p)])``.

        Calls made with ``using(connection=...)`` are stored in that transaction, if all have the same. One handle for each,
        in order. ArgumentError: a row is no call, or has another connection; nothing was stored.
        """
        return self.enqueue(*requests_of(calls))

    async def aenqueue_many(self, calls: Iterable[Call[Any]]) -> list[Job[Any]]:
        """As `enqueue_many`, for coroutines."""
        return await self.aenqueue(*requests_of(calls))

    def _records(self, requests: Sequence[Request], connection: Any = None) -> list[JobRecord]:
        if connection is not None and not self.eager:
            self._joining.check(connection)
        # With an outbox the store may be away.
        now = self._now() if connection is None or self.outbox is None else self._clock()
        if len(requests) == 1:
            return [self._record(requests[0], new_id(), now)]
        return [
            self._record(request, i, now) for request, i in zip(requests, new_ids(len(requests)), strict=True)
        ]

    def _now(self) -> float:
        return self._store.now()

    def _record(self, request: Request, job_id: str, now: float) -> JobRecord:
        for middleware in self.middleware:
            request = middleware.enqueueing(request)
        task = request.task
        if not self._workers:
            self._book.check_importable(task)
        record: JobRecord = request.record(job_id, now)
        if len(record.args) > self.max_args:
            raise ArgumentError(
                f"the arguments of {task.name} take {len(record.args):,} bytes; the limit is {self.max_args:,}. "
                "Pass a reference to large data instead, or raise App(max_args=...)."
            )
        return record

    def _handles(self, records: Sequence[JobRecord], stored: Sequence[JobRecord]) -> list[Job[Any]]:
        for asked, got in zip(records, stored, strict=True):
            if got is not asked and got.id != asked.id and asked.unique_mode == "reject":
                others = len(records) - 1
                rest = f"; the other {others} jobs of the call were handled" if others else ""
                raise UniqueConflict(
                    f'the unique key "{asked.unique}" is held by job {got.id} ({got.state}){rest}', got.id
                )
        jobs = self.jobs
        return [Job(got.id, jobs, got) for got in stored]

    # -- running here ----------------------------------------------------------------------------------------------

    def run(self, job: Job[Any] | str) -> Job[Any]:
        """Run one queued job here and now, in this thread, without a worker; its handle, refreshed.

        Middleware and retries apply as in a worker; a retry that is due later is left for later.
        """
        from longshore.worker.inline import run_inline

        job_id = job if isinstance(job, str) else job.id
        run_inline(self, job_id, until_final=False)
        return self.job(job_id).refresh()

    def _run_eagerly(self, record: JobRecord) -> Job[Any]:
        from longshore.worker.inline import run_inline

        [stored] = self.store.add([record])
        if stored.id == record.id:
            run_inline(self, record.id, until_final=True)
        return self.job(stored.id).refresh()

    async def _arun_eagerly(self, record: JobRecord) -> Job[Any]:
        from longshore.worker.inline import arun_inline

        [stored] = self.store.add([record])
        if stored.id == record.id:
            await arun_inline(self, record.id, until_final=True)
        return self.job(stored.id).refresh()

    def worker(
        self,
        *,
        queues: Sequence[str] | None = None,
        concurrency: int = 50,
        processes: int | None = None,
        burst: bool = False,
        name: str | None = None,
        drain_timeout: float | timedelta | None = 30.0,
    ) -> Worker:
        """A worker of this app, to run inside this process: ``with app.worker():`` or ``async with app.worker():``.

        queues         which queues it serves (None: all)
        concurrency    most jobs at once; coroutines and threads together
        processes      most processes for tasks with ``executor="process"`` (None: one a core)
        burst          end when nothing is due any more
        drain_timeout  seconds a stopping worker waits for running jobs before it gives them back (None: as long as it takes)
        """
        from longshore.worker.worker import Worker

        return Worker(
            self,
            queues=queues,
            concurrency=concurrency,
            processes=processes,
            burst=burst,
            name=name,
            drain_timeout=optional_seconds(drain_timeout, "drain_timeout"),
        )

    @contextlib.contextmanager
    def hosting(self) -> Iterator[None]:
        """While a worker of this app runs in this process."""
        self._workers += 1
        try:
            yield
        finally:
            self._workers -= 1

    def job(self, job_id: str) -> Job[Any]:
        """The handle on a job by its id; nothing is looked up yet."""
        return Job(job_id, self.jobs)

    # -- queues ------------------------------------------------------------------------------------------------------

    def pause(self, queue: str) -> None:
        """No worker claims from this queue until `resume`; what runs goes on. Kept across restarts."""
        self.store.put("paused", queue, {"at": self.store.now()})

    def resume(self, queue: str) -> bool:
        """Undo `pause`; False: it was not paused."""
        dropped = self.store.drop("paused", queue)
        self.store.publish([f"queue:{queue}"])
        return dropped
