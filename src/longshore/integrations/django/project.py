"""The project's `App`: one a process, made of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import connections, transaction

from longshore.app import App
from longshore.courier import Courier
from longshore.errors import ConfigError
from longshore.integrations.django.around import AroundJobs
from longshore.integrations.django.conf import Conf, conf
from longshore.integrations.django.discovery import discover, set_up
from longshore.integrations.django.place import Place
from longshore.job import Job
from longshore.jobs import Jobs
from longshore.model import JobRecord
from longshore.stores.base import Store
from longshore.task import Request
from longshore.worker.worker import Worker

T = TypeVar("T")


@cache
def project_app() -> ProjectApp:
    """The one App of the project. ConfigError: the settings cannot work."""
    set_up()
    return ProjectApp(conf())


class ProjectApp(App):
    """`App`, whose jobs lie where the setting LONGSHORE says, by default in the project's own database.

    A job enqueued inside ``atomic()`` is part of that transaction; where jobs are kept elsewhere, it is stored after the
    commit. Coroutines reach the store in the thread that Django's async ORM uses, so for them it is the same.
    """

    def __init__(self, found: Conf) -> None:
        self.conf = found
        self.place = Place(found)
        super().__init__(
            "memory://",
            lease=found.lease,
            sweep=found.sweep,
            max_crashes=found.max_crashes,
            keep=found.keep,
            middleware=[AroundJobs(), *found.middleware],
            max_args=found.max_args,
            max_result=found.max_result,
            eager=found.eager,
        )
        self._courier = cast("Courier", _DjangosThread(lambda: self.store))
        self.jobs = Jobs(lambda: self.store, self._courier, self._tasks)

    # -- the store -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where jobs are kept, any password masked."""
        return super().url if self.eager else self.place.shown

    @property
    def store(self) -> Store:
        """The store as this thread is to see it: in a transaction of Django's, as part of that."""
        if self.eager:
            return super().store
        if self.place.alias is None or (self._workers and not self.place.joins()):
            return self.place.own()
        return self.place.guest()

    def close(self) -> None:
        """Let go of the connections that are our own. A later use opens others."""
        super().close()
        self.place.close()

    # -- enqueueing ------------------------------------------------------------------------------------------------

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> list[Job[Any]]:
        """As `App.enqueue`; see the class. A job that waits for a commit has its id already, but is found only then."""
        alias = self.conf.after_commit
        waits = alias is not None and connection is None and not self.eager and alias != self.place.alias
        if not waits or not connections[alias].in_atomic_block:
            return super().enqueue(requests, connection)
        records = self._records(requests)
        if self.place.alias is not None and self.place.joins():
            return super().enqueue(requests)
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
            self.place.close()


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
