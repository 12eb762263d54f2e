"""The handle on a command's result."""

from __future__ import annotations

import time
from typing import Any, Final

from longshore.compat.huey.backends.store import StoreDataStore
from longshore.compat.huey.exceptions import (
    DataStoreGetException,
    DataStoreTimeout,
    QueueException,
    TaskException,
)
from longshore.compat.huey.message import Failed, load
from longshore.compat.huey.utils import EmptyData
from longshore.errors import JobCancelled, JobFailed, ResultTimeout, StoreError
from longshore.job import Job

FIRST_WAIT: Final = 0.1


class AsyncData:
    """What a call of a decorated function gives: the way to its result.

    ``result_store`` is where to look, ``task_id`` the command's id; ``invoker`` is needed to revoke it.
    """

    def __init__(self, result_store: Any, task_id: str, invoker: Any = None, command: Any = None) -> None:
        self.result_store = result_store
        self.task_id = task_id
        self.invoker = invoker
        self.command = command
        self._value: Any = EmptyData

    def __repr__(self) -> str:
        return f"<AsyncData {self.task_id}>"

    def get(
        self,
        blocking: bool = False,
        timeout: float | None = None,
        backoff: float = 1.15,
        max_delay: float = 1.0,
        revoke_on_timeout: bool = False,
    ) -> Any:
        """The command's return value; None while there is none. Once seen it is kept here.

        blocking           wait until it is there
        timeout            at most so many seconds; None: as long as it takes
        backoff, max_delay how the seconds between two looks grow, and how far, where a data store has to be polled; what is
                           in a store of Longshore's comes at once
        revoke_on_timeout  revoke the command where the time is over

        DataStoreTimeout: not in time. TaskException: the command failed for good. DataStoreGetException: the store failed.
        """
        if self._value is not EmptyData:
            return self._value
        try:
            self._value = self._found(blocking, timeout, backoff, max_delay)
        except DataStoreTimeout:
            if revoke_on_timeout:
                self.revoke()
            raise
        return None if self._value is EmptyData else self._value

    def reset(self) -> None:
        """Forget the value seen, so that `get` looks again."""
        self._value = EmptyData

    def revoke(self) -> None:
        """Do not run the command, if it has not begun. QueueException: no invoker is known."""
        self._own_invoker().revoke(self._command())

    def restore(self) -> bool:
        """Undo `revoke`; False: it was not revoked, or the consumer has thrown it away already."""
        return bool(self._own_invoker().restore(self._command()))

    def is_revoked(self) -> bool:
        """Whether it is revoked."""
        return bool(self._own_invoker().is_revoked(self._command()))

    def _own_invoker(self) -> Any:
        if self.invoker is None:
            raise QueueException(
                f"{self!r} was made without an invoker and cannot revoke: AsyncData(result_store, task_id, invoker)"
            )
        return self.invoker

    def _command(self) -> Any:
        from longshore.compat.huey.command import QueueCommand

        return self.command or QueueCommand(task_id=self.task_id)

    # -- looking -------------------------------------------------------------------------------------------------

    def _found(self, blocking: bool, timeout: float | None, backoff: float, max_delay: float) -> Any:
        deadline = None if timeout is None else time.monotonic() + timeout
        wait = FIRST_WAIT
        while True:
            job = self._job()
            if job is not None:
                return self._of_job(job, blocking, deadline)
            value = self._of_store()
            if value is not EmptyData or not blocking:
                return value
            left = wait if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise DataStoreTimeout(f"no result of {self.task_id} within {timeout:g} s")
            time.sleep(min(wait, left))
            wait = min(wait * backoff, max_delay)

    def _job(self) -> Job[Any] | None:
        store = self.result_store
        return store.job(self.task_id) if isinstance(store, StoreDataStore) else None

    def _of_job(self, job: Job[Any], blocking: bool, deadline: float | None) -> Any:
        if not job.done and not blocking:
            return EmptyData
        try:
            return job.result(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except ResultTimeout as error:
            raise DataStoreTimeout(str(error)) from None
        except JobFailed as error:
            raise TaskException(str(error), error.kind, error.traceback) from None
        except JobCancelled as error:
            if not blocking:
                return EmptyData
            raise TaskException(str(error)) from None
        except StoreError as error:
            raise DataStoreGetException(f"the result of {self.task_id} cannot be read: {error}") from error

    def _of_store(self) -> Any:
        store = self.result_store
        try:
            own = isinstance(store, StoreDataStore)
            value = store.peek(self.task_id) if own else store.get(self.task_id)
        except QueueException:
            raise
        except Exception as error:
            raise DataStoreGetException(f"the result of {self.task_id} cannot be read: {error!r}") from error
        value = value if value is EmptyData else load(value)
        if isinstance(value, Failed):
            raise TaskException(
                f"command {self.task_id} failed: {value.kind}: {value.message}", value.kind, value.traceback
            )
        return value


class EagerData(AsyncData):
    """Of a command that has run in the caller. Equal to its value, as code expects that was given the bare value."""

    def __init__(self, result_store: Any, task_id: str, value: Any) -> None:
        super().__init__(result_store, task_id)
        self.value = value

    def __repr__(self) -> str:
        return f"<AsyncData {self.task_id}: {self.value!r:.80}>"

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self.value == other)

    def __hash__(self) -> int:
        return hash(self.value)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The value: it is there."""
        return self.value
