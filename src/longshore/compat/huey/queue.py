"""The invoker, which everything goes through; and commands and their results, which come from here too."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any, Final

from longshore.codec import ResultCodec
from longshore.compat.huey import message
from longshore.compat.huey.backends.store import StoreDataStore, StoreQueue
from longshore.compat.huey.command import PeriodicQueueCommand, QueueCommand
from longshore.compat.huey.exceptions import (
    ConfigurationError,
    QueueException,
    QueueReadException,
    QueueRemoveException,
    QueueWriteException,
)
from longshore.compat.huey.imports import Imports
from longshore.compat.huey.message import Failed
from longshore.compat.huey.registry import check_same, is_periodic, name_of, registry, revived
from longshore.compat.huey.results import AsyncData, EagerData
from longshore.compat.huey.revocation import KEEP, InDataStore, InStore, Revocation, Revocations
from longshore.compat.huey.utils import instant
from longshore.compat.huey.waiting import CommandSchedule
from longshore.model import JobRecord
from longshore.outcome import Done, Outcome, Parked
from longshore.worker.execute import Execution
from longshore.worker.run import Run

__all__ = ("AsyncData", "CommandSchedule", "Invoker", "PeriodicQueueCommand", "QueueCommand")

log: Final = logging.getLogger("huey.consumer.logger")
_values: Final = ResultCodec()


class Invoker:
    """Ties a queue to where its results are kept.

    queue          of `backends`, or of your own
    result_store   where results are found; None: calls give None
    task_store     where a `CommandSchedule` of yours is kept; consumers need none
    store_none     keep the result None in a data store of your own; in a store of ours every outcome is kept
    always_eager   calls run at once, in the caller, and nothing is stored

    ConfigurationError: the queue is none.
    """

    def __init__(
        self,
        queue: Any,
        result_store: Any = None,
        task_store: Any = None,
        store_none: bool = False,
        always_eager: bool = False,
    ) -> None:
        if not (hasattr(queue, "write") and hasattr(queue, "read")):
            raise ConfigurationError(
                f"Invoker takes a queue, with write and read, not {queue!r:.80}: Invoker(SqliteQueue('tasks')), say"
            )
        self.queue = queue
        self.result_store = result_store
        self.task_store = task_store
        self.store_none = store_none
        self.always_eager = always_eager
        self.blocking: bool = getattr(queue, "blocking", False)
        self.sources: set[str] = set()
        self.imports = Imports(None, lambda: self.sources)
        if isinstance(queue, StoreQueue):
            self.sources, self.imports = queue.commands.sources, queue.commands.imports
        self._classes: dict[str, type[QueueCommand]] = {}
        self._revocations: Revocations | None = None
        if isinstance(queue, StoreQueue) and isinstance(result_store, StoreDataStore):
            result_store.attach(queue.app)
        if result_store is not None:
            ours = isinstance(queue, StoreQueue)
            self._revocations = InStore(queue.app) if ours else InDataStore(result_store)

    def __repr__(self) -> str:
        return f"<Invoker of {self.queue!r}>"

    @property
    def utc(self) -> bool:
        """Whether naive execution times are in UTC, rather than local."""
        return getattr(self.queue, "utc", True)

    # -- commands ------------------------------------------------------------------------------------------------

    def register(self, command_class: type[QueueCommand]) -> None:
        """One of its own commands. RegistrationError: another has this name."""
        check_same(self._classes.get(name_of(command_class)), command_class)
        self._classes[name_of(command_class)] = command_class
        self.sources.add(command_class.__module__)

    def enqueue(self, command: QueueCommand) -> Any:
        """Put a command into the queue; an `AsyncData`, or None without a result store. QueueWriteException: it failed.

        Always eager: run it here and now. What it raises is raised.
        """
        if self.always_eager:
            value = command.execute()
            return (
                value if self.result_store is None else EagerData(self.result_store, command.task_id, value)
            )
        if command.execute_time is not None and command.due is None:
            command.due = instant(command.execute_time, self.utc)
        command.lease = None
        self.write(registry.get_message_for_command(command))
        if self.result_store is None:
            return None
        return AsyncData(self.result_store, command.task_id, self, command)

    def dequeue(self) -> Any:
        """Take the first command; None: there is none. With a queue of ours it is leased until it was executed.

        QueueException: nobody here knows it; it stays in the queue. QueueReadException: the queue failed.
        """
        if isinstance(self.queue, StoreQueue):
            job = self.queue.take()
            return None if job is None else self._of_job(self.queue, job)
        text = self.read()
        if text is None:
            return None
        try:
            return self._revived(message.read(text))
        except QueueException:
            self.write(text)
            raise

    def execute(self, command: Any) -> Any:
        """Run a command here and now, keep its result, and give it. What it raises is raised; with retries left, it is
        in the queue again.

        TypeError: it is no command.
        """
        if not isinstance(command, QueueCommand):
            raise TypeError(f"Unknown object: {command!r:.80} (a QueueCommand is expected)")
        try:
            value = command.execute()
            stored = self.keep(command, value)
            result = _values.encode(stored)
        except Exception as error:
            self._failed(command, error)
            raise
        if command.lease is not None:
            self.queue.settle(command.lease, Done(result))
        elif self._with_jobs and stored is not None:
            self.result_store.put(command.task_id, stored)
        return value

    def write(self, msg: str) -> None:
        """Put a message into the queue. QueueWriteException."""
        try:
            self.queue.write(msg)
        except QueueException:
            raise
        except Exception as error:
            raise QueueWriteException(f"{self.queue!r} cannot be written to: {error!r}") from error

    def read(self) -> Any:
        """Take a message out of the queue for good; None: there is none. QueueReadException."""
        try:
            return self.queue.read()
        except QueueException:
            raise
        except Exception as error:
            raise QueueReadException(f"{self.queue!r} cannot be read: {error!r}") from error

    def flush(self) -> None:
        """Throw away every command in the queue that has not begun. QueueRemoveException."""
        try:
            self.queue.flush()
        except QueueException:
            raise
        except Exception as error:
            raise QueueRemoveException(f"{self.queue!r} cannot be emptied: {error!r}") from error

    # -- revoking ------------------------------------------------------------------------------------------------

    def revoke(
        self, command: QueueCommand, revoke_until: datetime | None = None, revoke_once: bool = False
    ) -> None:
        """Do not run this command; of a periodic one, none of its runs. The latest word counts.

        revoke_until   run it again from this time on (naive: local time); None: never
        revoke_once    leave out one run

        QueueException: there is no result store.
        """
        until = None if revoke_until is None else revoke_until.isoformat()
        expires = None if command.task_id == name_of(type(command)) else KEEP
        self._revoked().put(command.task_id, Revocation(until, revoke_once), expires)

    def restore(self, command: QueueCommand) -> bool:
        """Undo `revoke`; False: it was not revoked. QueueException: there is no result store."""
        return self._revoked().drop(command.task_id)

    def is_revoked(self, command: QueueCommand, dt: datetime | None = None, preserve: bool = True) -> bool:
        """Whether this command, or all of its class, is revoked at ``dt`` (None: now).

        ``preserve=False``: it is asked because the command is to run now; what is revoked once is used up.
        """
        if self._revocations is None:
            return False
        return any(
            self._is_revoked(key, dt, preserve)
            for key in dict.fromkeys((command.task_id, name_of(type(command))))
        )

    def _is_revoked(self, key: str, dt: datetime | None, preserve: bool) -> bool:
        found = self._revoked().get(key)
        if found is None:
            return False
        over = found.over(dt)
        if preserve or not (over or found.once):
            return not over
        # Of several consumers that see it, one uses it up.
        return self._revoked().drop(key) and not over

    def _revoked(self) -> Revocations:
        if self._revocations is None:
            raise QueueException(
                "what is revoked is kept with the results: Invoker(queue, result_store=...) is needed"
            )
        return self._revocations

    # -- for consumers -------------------------------------------------------------------------------------------

    def keep(self, command: QueueCommand, value: Any) -> Any:
        """Put a result into a data store of the user's; what its job keeps: the value, or None where nobody can ask."""
        if self.result_store is None or is_periodic(type(command)):
            return None
        if self._with_jobs:
            return value
        if value is not None or self.store_none:
            try:
                self.result_store.put(command.task_id, message.dump(value))
            except Exception:
                log.exception("error storing result of %s", command)
        return None

    def serves(self, command_class: type[QueueCommand]) -> bool:
        """Whether this class's commands go through the same queue."""
        own = command_class.invoker
        return (
            own is None or own is self or own.queue is self.queue or _place(own.queue) == _place(self.queue)
        )

    @property
    def _with_jobs(self) -> bool:
        """Whether results are kept with the jobs."""
        return isinstance(self.queue, StoreQueue) and isinstance(self.result_store, StoreDataStore)

    # -- own -----------------------------------------------------------------------------------------------------

    def _revived(self, asked: message.Message) -> Any:
        found = self._classes.get(asked.command) or registry.get_command_class(asked.command, self.imports)
        return revived(found, asked)

    def _of_job(self, queue: StoreQueue, job: JobRecord) -> Any:
        try:
            command = self._revived(message.of_job(job, job.created_at))
        except QueueException as error:
            queue.settle(job, Parked(str(error)))
            raise
        command.lease = job
        return command

    def _failed(self, command: QueueCommand, error: Exception) -> None:
        """It goes back while retries are left."""
        lease, command.lease = command.lease, None
        if lease is not None:
            self.queue.commands.learn(type(command))
            task = self.queue.app.tasks[lease.task]
            app = self.queue.app
            outcome: Outcome = Execution((), app.store.now, app.max_result).failed(Run(lease, task), error)
            self.queue.settle(lease, outcome)
        elif command.failures < command.retries:
            command.failures += 1
            left = command.retries - command.failures
            log.info("re-enqueueing task %s, %d tries left", command.task_id, left + 1)
            command.due = time.time() + command.retry_delay if command.retry_delay else None
            self.write(registry.get_message_for_command(command))
        else:
            self.keep(command, Failed(str(error), type(error).__qualname__, ""))


def _place(queue: Any) -> Any:
    """What two queues have in common that are the same; itself where only it can know."""
    if isinstance(queue, StoreQueue) and not queue.app.url.startswith("memory:"):
        return queue.app.url, queue.name
    return id(queue)
