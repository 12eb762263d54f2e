"""Queues and data stores in a store of Longshore's: what every backend here is made of.

``StoreQueue("emails", "postgresql://…")`` works with every URL that `longshore.App` takes. Commands are jobs: leased while
they run, so that those of a killed consumer run again; looked at with ``longshore jobs``. Results are kept with their job.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from longshore import model
from longshore.app import App
from longshore.codec import ResultCodec
from longshore.compat.huey import message
from longshore.compat.huey.backends.base import BaseDataStore, BaseQueue
from longshore.compat.huey.commands import Commands
from longshore.compat.huey.exceptions import (
    ConfigurationError,
    DataStoreGetException,
    DataStorePutException,
    QueueException,
    QueueReadException,
    QueueRemoveException,
    QueueWriteException,
)
from longshore.compat.huey.message import CALL, job_id
from longshore.compat.huey.utils import EmptyData
from longshore.errors import NotEncodable, StoreError
from longshore.ids import new_id
from longshore.job import Job
from longshore.model import FINAL, Change, Claim, JobRecord, Where
from longshore.names import check_name
from longshore.outcome import Outcome, change
from longshore.worker.inline import LEASE

RESULT: Final = "huey.result"
_PAGE: Final = 500
_values: Final = ResultCodec()


class StoreQueue(BaseQueue):
    """A queue in the store at ``url``. ``options`` are further ones of its `App`: lease, keep, max_crashes, ….

    ConfigurationError: it cannot be a queue's name. ConfigError: the URL cannot be one.
    """

    #: whether naive execution times are in UTC; a configuration with ``UTC = False`` says no
    utc = True

    def __init__(self, name: str, url: str, **options: Any) -> None:
        super().__init__(check_name(name, "a queue's name", ConfigurationError))
        self.commands = Commands(name, url, **options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} in {self.app.url}>"

    @property
    def app(self) -> App:
        """The app its commands are jobs of."""
        return self.commands.app

    def write(self, data: str) -> None:
        """Store a message as a job. QueueWriteException: it could not be stored."""
        with _as(QueueWriteException, f"queue {self.name} cannot be written to"):
            store = self.app.store
            record = message.written(data, new_id()).record(self.name, store.now(), self.app.keep)
            [stored] = store.add([record])
            again = _again(stored, record)
            if again is not None:
                store.apply([again])
            store.publish([f"queue:{self.name}"])

    def read(self) -> str | None:
        """Take the first message out for good; None: there is none. Consumers do not: they lease. QueueReadException."""
        job = self.take()
        if job is None:
            return None
        with _as(QueueReadException, f"queue {self.name} cannot be read"):
            self._drop([job])
            return message.text_of(job, self.app.store.now())

    def take(self) -> JobRecord | None:
        """Lease the first command to this process, of those not due yet the next one; None: there is none."""
        with _as(QueueReadException, f"queue {self.name} cannot be read"):
            claim = Claim(_here(), 1, LEASE, (self.name,))
            jobs = self.app.store.exchange((), claim).jobs
            return jobs[0] if jobs else self._take_early()

    def _take_early(self) -> JobRecord | None:
        store = self.app.store
        found = store.find(Where(states=("queued",), queue=self.name), _PAGE)
        fresh = [job for job in found if job.reason is None and not job.failures]
        for job in sorted(fresh, key=lambda job: (job.run_at, job.id)):
            taken = model.taken(job, _here(), store.now(), LEASE)
            if store.apply([taken]):
                return msgspec.structs.replace(job, **taken.values)
        return None

    def settle(self, job: JobRecord, outcome: Outcome) -> bool:
        """Write down what a command that was taken came to; False: its lease was lost."""
        with _as(QueueWriteException, f"queue {self.name} cannot be written to"):
            store = self.app.store
            settled = change(job, outcome, store.now(), self.app.max_crashes)
            accepted = store.apply([settled])
            store.publish([f"job:{job.id}" if settled.values["state"] in FINAL else f"queue:{self.name}"])
            return bool(accepted)

    def remove(self, data: str) -> int:
        """Take the command with this message out, if it has not begun; how many there were."""
        with _as(QueueRemoveException, f"queue {self.name} cannot be written to"):
            found = self.app.store.get([job_id(message.read(data).id)])
            return self._drop([job for job in found.values() if job.state == "queued"])

    def flush(self) -> None:
        """Throw away every command that has not begun."""
        with _as(QueueRemoveException, f"queue {self.name} cannot be emptied"):
            while jobs := self.app.store.find(Where(states=("queued",), queue=self.name), _PAGE):
                self._drop(jobs)

    def __len__(self) -> int:
        """How many commands have not begun."""
        with _as(QueueReadException, f"queue {self.name} cannot be read"):
            return self.app.store.count().get((self.name, "queued"), 0)

    def _drop(self, jobs: list[JobRecord]) -> int:
        store = self.app.store
        gone = [model.cancelled(job, store.now(), "taken out of the queue") for job in jobs]
        return len(store.delete(sorted(store.apply(gone))))


class StoreDataStore(BaseDataStore):
    """Values in the store at ``url``; with a queue of a store, the results that its jobs have, which reading leaves there.

    ConfigurationError: it cannot be a name. ConfigError: the URL cannot be one.
    """

    def __init__(self, name: str, url: str, **options: Any) -> None:
        super().__init__(check_name(name, "a data store's name", ConfigurationError))
        self._app = App(url, **options)
        self._apps = [self._app]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} in {self._app.url}>"

    def attach(self, app: App) -> None:
        """The jobs of this app have their results."""
        if app not in self._apps:
            self._apps.insert(0, app)

    def job(self, task_id: str) -> Job[Any] | None:
        """The job of a command; None: there is none. DataStoreGetException."""
        with _as(DataStoreGetException, f"{self!r} cannot be read"):
            for app in self._apps:
                found = app.store.get([job_id(task_id)])
                for record in found.values():
                    return Job(record.id, app.jobs, record)
        return None

    def put(self, key: str, value: Any) -> None:
        """Keep a value of plain data. DataStorePutException: it could not be stored."""
        with _as(DataStorePutException, f"{self!r} cannot keep {key}"):
            store = self._app.store
            record = self._record(key, _values.encode(value), store.now())
            while store.add([record]) != [record]:  # another value of this key is in the way
                store.delete([record.id])

    def peek(self, key: str) -> Any:
        """The value, which stays, or a command's result; else `EmptyData`. DataStoreGetException."""
        value = self._kept(key)
        if value is EmptyData and (job := self.job(key)) is not None and job.record.state == "succeeded":
            return _values.decode(job.record.result) if job.record.result else None
        return value

    def get(self, key: str) -> Any:
        """As `peek`, and a value that was put is taken out: one caller gets it. DataStoreGetException."""
        value = self._kept(key)
        if value is EmptyData:
            return self.peek(key)
        return value if self._app.store.delete([self._id(key)]) else EmptyData

    def flush(self) -> None:
        """Throw away every value that was put. DataStorePutException."""
        with _as(DataStorePutException, f"{self!r} cannot be emptied"):
            store = self._app.store
            while found := store.find(Where(task=RESULT, queue=self.name), _PAGE):
                store.delete([job.id for job in found])

    def _kept(self, key: str) -> Any:
        with _as(DataStoreGetException, f"{self!r} cannot be read"):
            found = self._app.store.get([self._id(key)]).get(self._id(key))
            return EmptyData if found is None or found.result is None else _values.decode(found.result)

    def _id(self, key: str) -> str:
        return job_id(f"{self.name}\0{key}")

    def _record(self, key: str, result: bytes, now: float) -> JobRecord:
        keep = self._app.keep
        return JobRecord(
            self._id(key),
            RESULT,
            self.name,
            CALL.bind((key,), {}),
            now,
            now,
            state="succeeded",
            keep=keep,
            result=result,
            finished_at=now,
            purge_at=None if keep is None else now + keep,
        )


def _here() -> str:
    return f"inline:{os.getpid()}"


def _again(stored: JobRecord, asked: JobRecord) -> Change | None:
    """What a command means that is enqueued once more: one this process had taken goes back, one that ended runs again."""
    if stored.state == "running" and stored.worker != _here():
        return None
    if stored.state == "running":
        values = {"state": "queued", "lease_until": None}
        return Change(stored.id, "running", stored.attempt, {**values, "run_at": asked.run_at})
    retried = model.retried(stored, asked.created_at)
    if retried is None:
        return None
    return msgspec.structs.replace(retried, values={**retried.values, "run_at": asked.run_at})


@contextmanager
def _as(kind: type[QueueException], what: str) -> Iterator[None]:
    """Errors of the store as this one."""
    try:
        yield
    except (StoreError, NotEncodable) as error:
        raise kind(f"{what}: {error}") from error
