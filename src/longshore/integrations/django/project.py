"""The project's `App`: one a process, made of the settings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any, TypeVar, cast

import msgspec
from asgiref.sync import async_to_sync, sync_to_async
from django.core.signals import setting_changed
from django.db import connections, transaction

from longshore.app import App
from longshore.callers import caller
from longshore.callers.django import DjangoCaller
from longshore.courier import Courier
from longshore.errors import ConfigError
from longshore.integrations.django.around import AroundJobs, close_kept
from longshore.integrations.django.commits import in_transaction
from longshore.integrations.django.conf import Conf, Mistake, read
from longshore.integrations.django.discovery import discover, set_up
from longshore.integrations.django.place import Place
from longshore.integrations.django.waiting import DjangoShelf, outbox_alias
from longshore.job import Job
from longshore.jobs import Jobs
from longshore.joining import Joining
from longshore.model import JobRecord
from longshore.outbox import Outbox
from longshore.outcome import Outcome
from longshore.stores.base import Store
from longshore.task import Request
from longshore.worker.inline import run_inline
from longshore.worker.worker import Worker

T = TypeVar("T")


@cache
def project_app() -> ProjectApp:
    """The one App of the project. Mistakes in its settings are raised at its first use, so that checks can name them all."""
    set_up()
    found, mistakes = read()
    app = ProjectApp(found, mistakes)

    def changed(setting: str, **_: Any) -> None:
        if setting == "LONGSHORE":
            app.configure(*read())

    setting_changed.connect(changed, weak=False)
    return app


class ProjectApp(App):
    """`App`, whose jobs lie where the setting LONGSHORE says, by default in the project's own database.

    A job enqueued inside ``atomic()`` is part of that transaction; where jobs are kept elsewhere, it is stored after the
    commit. Coroutines reach the store in the thread that Django's async ORM uses, so for them it is the same.
    """

    prepare = "longshore.integrations.django.discovery:prepare_process"
    starts = "python manage.py longshore worker"

    def __init__(self, found: Conf, mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__("memory://", keep=found.keep, middleware=[AroundJobs(), *found.middleware])
        self._courier = cast("Courier", _DjangosThread(lambda: self.store))
        self.configure(found, mistakes)

    def configure(self, found: Conf, mistakes: Sequence[Mistake]) -> None:
        """Follow the settings, also when a test changes them; ``MIDDLEWARE`` and ``KEEP`` hold from the start on."""
        self.conf = found
        self.mistakes = mistakes
        self.place = Place(found)
        self.lease, self.sweep, self.max_crashes = found.lease, found.sweep, found.max_crashes
        self.max_args, self.max_result, self.eager = found.max_args, found.max_result, found.eager
        alias = None if self.eager else outbox_alias(found)
        self._shelf = None if alias is None else DjangoShelf(alias, lambda: bool(self._workers))
        self.outbox = None if self._shelf is None else Outbox(self._shelf, lambda: self.store)
        self.jobs = Jobs(lambda: self.store, self._courier, self._book.tasks, self.outbox)
        self._joining = Joining(self._joined, self.outbox, self._heard)

    # -- the store -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where jobs are kept, any password masked."""
        return super().url if self.eager else self.place.shown

    @property
    def unopened(self) -> Store:
        """See `App.unopened`."""
        return super().unopened if self.eager or self.place.url == "memory:" else self.place.unopened()

    @property
    def store(self) -> Store:
        """The store as this thread is to see it: in a transaction of Django's, as part of that."""
        if self.mistakes:
            raise ConfigError("\n".join(f"{text} {hint}" for _, text, hint in self.mistakes[:4]))
        if self.eager:
            return super().store
        if self.place.alias is None or (self._workers and not self.place.joins()):
            return self.place.own()
        return self.place.guest()

    def _joined(self) -> Store:
        """The store that a connection given by hand has to lead to."""
        if self.eager:
            return self._store
        return self.place.own() if self.place.alias is None else self.place.guest()

    def _heard(self) -> Store:
        """The store for hints of a thread that watches for commits: it takes none of Django's connections."""
        return self.place.guest() if self.place.url == "memory:" else self.place.own()

    def _now(self) -> float:
        return self.store.now()

    def close(self) -> None:
        """Let go of the connections that are our own. A later use opens others."""
        super().close()
        self.place.close()
        self.place.forget_listeners()

    def forget(self, name: str) -> None:
        """Make room for the task of a module that was reloaded, or that Django defines anew."""
        self._book.forget(name)

    @cached_property
    def eager_twin(self) -> ProjectApp:
        """The same tasks, run at once and kept in memory."""
        twin = ProjectApp(msgspec.structs.replace(self.conf, eager=True))
        twin._book = self._book
        twin.jobs = Jobs(lambda: twin.store, twin._courier, twin._book.tasks)
        return twin

    def arrive(self) -> None:
        """Bring what waits for a commit to the store at once, before it comes. For tests only."""
        if self._shelf is not None and (waiting := self._shelf.taken()):
            self.store.add(waiting)

    # -- enqueueing ------------------------------------------------------------------------------------------------

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> list[Job[Any]]:
        """As `App.enqueue`; see the class. A job that waits for a commit has its id already, but is found only then."""
        if connection is not None and not self.eager:
            guest = caller(connection)
            if isinstance(guest, DjangoCaller) and guest.connection.alias == self.place.alias:
                guest.check()
                return super().enqueue(requests)
        alias = self.conf.after_commit
        waits = alias is not None and connection is None and not self.eager and alias != self.place.alias
        if not waits or self.place.joins():
            return super().enqueue(requests, connection)
        there = connections[alias]
        if self.outbox is not None and in_transaction(there.alias):
            return super().enqueue(requests, there)
        if not there.in_atomic_block:
            return super().enqueue(requests)
        records = self._records(requests)
        transaction.on_commit(lambda: self._store_later(records), using=alias)
        return self._handles(records, records)

    def _store_later(self, records: Sequence[JobRecord]) -> None:
        store = self.store
        store.add(records)
        store.publish({f"queue:{record.queue}" for record in records})

    async def aenqueue(self, requests: Sequence[Request], connection: Any = None) -> list[Job[Any]]:
        """As `enqueue`, for coroutines."""
        return await sync_to_async(self.enqueue, thread_sensitive=True)(requests, connection)

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, job: Job[Any] | str) -> Job[Any]:
        """See `App.run`. A coroutine's async ORM is this thread's."""
        job_id = job if isinstance(job, str) else job.id
        run_inline(self, job_id, until_final=False, drive=drive)
        return self.job(job_id).refresh()

    def _run_eagerly(self, record: JobRecord) -> Job[Any]:
        [stored] = self.store.add([record])
        if stored.id == record.id:
            run_inline(self, record.id, until_final=True, drive=drive)
        return self.job(stored.id).refresh()

    def worker(self, **options: Any) -> Worker:
        """See `App.worker`. Tasks of all installed apps are looked for first."""
        discover()
        return super().worker(**options)

    @contextmanager
    def hosting(self) -> Iterator[None]:
        """While a worker of this app runs in this process. ConfigError: it could not see this thread's jobs."""
        if not self.eager and self.place.joins():
            raise ConfigError(
                "a worker cannot see the jobs of a transaction that is not committed, like that of a TestCase\n"
                "run them with longshore.integrations.django.testing.run_jobs(), or use a TransactionTestCase"
            )
        with super().hosting():
            yield
        if not self._workers:
            # Else a test database could not be dropped while we are connected to it.
            close_kept()
            self.place.close()


def drive(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run a coroutine here, its async ORM in this very thread."""

    async def run() -> Outcome:
        return await coroutine

    return async_to_sync(run)()


class _DjangosThread:
    """A `Courier` for Django: what coroutines ask for is done in the thread where its async ORM has its connections."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store

    async def add(self, records: Sequence[JobRecord]) -> list[JobRecord]:
        def add() -> list[JobRecord]:
            store = self._store()
            stored = store.add(records)
            store.publish({f"queue:{record.queue}" for record in records})
            return stored

        return await self.call(add)

    async def get(self, ids: Sequence[str]) -> dict[str, JobRecord]:
        return await self.call(lambda: self._store().get(ids))

    async def call(self, function: Callable[[], T]) -> T:
        return await sync_to_async(function, thread_sensitive=True)()

    def close(self) -> None:
        """There is no thread of ours."""
