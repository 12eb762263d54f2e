"""A task: what can be run, by name."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, Unpack, cast

from msgspec import UNSET

from longshore.errors import ArgumentError
from longshore.names import check_key
from longshore.schedules.base import Schedule
from longshore.task.options import NO_OVERRIDES, Overrides, Unique, overrides
from longshore.task.request import Door, Request
from longshore.task.runnable import Runnable
from longshore.task.verbs import Changes, Verbs

P = ParamSpec("P")
R = TypeVar("R")


class Task(Verbs[P, R], Runnable):
    """A function or class that the app knows by name; its jobs take ``P`` and give ``R``. Made by ``app.task``."""

    __slots__ = ("_door", "_schedule")

    def __init__(self, runnable: Runnable, door: Door) -> None:
        of = runnable
        super().__init__(of.name, of.fn, of.kind, of.options, of.signature, of.extra)
        self._door = door
        self._schedule: Schedule | None = None

    @property
    def door(self) -> Door:
        """The app it belongs to."""
        return self._door

    @property
    def periodic(self) -> bool:
        """Whether code declares a schedule for it: ``@app.periodic(...)``."""
        return self._schedule is not None

    @property
    def schedule(self) -> Schedule:
        """When it runs by itself: the schedule that code declares for it, or all of them as one.

        AttributeError: there is none.
        """
        if self._schedule is None:
            raise AttributeError(f"{self.name} has no schedule: @app.periodic(...) gives it one")
        return self._schedule

    def scheduled(self, schedule: Schedule) -> None:
        """Remember one more schedule. For the app, which declares it."""
        self._schedule = schedule if self._schedule is None else self._schedule | schedule

    def using(self, **changes: Unpack[Changes]) -> Using[P, R]:
        """The same task with other options for the calls made through it.

        ``delay`` (seconds or timedelta) or ``eta`` (a datetime with a time zone): not before. ``queue``, ``priority``,
        ``unique``, ``unique_mode``, ``expires``, ``keep``: instead of the task's own. ``connection``: store the job in the
        caller's own transaction. ArgumentError: a value that cannot work.
        """
        return Using(self, overrides(changes, NO_OVERRIDES))

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        return self.request_with(NO_OVERRIDES, args, kwargs)

    def _takes(self, request: Request) -> bool:
        return request.task is self

    def request_with(self, changes: Overrides, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        """A call under changed options, checked and encoded."""
        payload = self.signature.bind(args, kwargs)
        own = self.options
        if changes is NO_OVERRIDES and own.unique is None:
            return Request(
                self, payload, own.queue, own.priority, None, None, own.expires, None, None, own.keep
            )
        unique = own.unique if changes.unique is UNSET else changes.unique
        key = None if unique is None else self._key(unique, payload, args, kwargs)
        mode = own.unique_mode if changes.unique_mode is UNSET else changes.unique_mode
        request = Request(
            task=self,
            payload=payload,
            queue=own.queue if changes.queue is UNSET else changes.queue,
            priority=own.priority if changes.priority is UNSET else changes.priority,
            delay=None if changes.delay is UNSET else changes.delay,
            eta=None if changes.eta is UNSET else changes.eta,
            expires=own.expires if changes.expires is UNSET else changes.expires,
            unique=key,
            unique_mode=None if key is None else mode,
            keep=own.keep if changes.keep is UNSET else changes.keep,
            headers=None if changes.headers is UNSET else changes.headers,
        )
        if request.delay is not None and request.expires is not None and request.expires <= request.delay:
            raise ArgumentError(
                f"expires after {request.expires:g} s, before its delay of {request.delay:g} s is over"
            )
        return request

    def _key(self, unique: Unique, payload: bytes, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The unique key as it is stored. Two tasks never share one."""
        if unique is True:
            return f"{self.name}:{self.signature.digest(payload)}"
        return f"{self.name}:{check_key(unique(*args, **kwargs) if callable(unique) else unique)}"


class AsyncTask(Task[P, R]):
    """A task whose function is a coroutine function returning ``R``."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run it here, as part of the caller: ``await task(...)``. No job is made."""
        return cast("Coroutine[Any, Any, R]", self._run_here(args, kwargs))


class SyncTask(Task[P, R]):
    """A task whose function returns ``R``."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here and now. No job is made."""
        return cast("R", self._run_here(args, kwargs))


class Using(Verbs[P, R]):
    """A task with other options for the calls made through it: ``task.using(delay=60).enqueue(...)``."""

    __slots__ = ("_connection", "_door", "_overrides", "task")

    def __init__(self, task: Task[P, R], changes: Overrides) -> None:
        self.task = task
        self._door = task._door
        self._overrides = changes
        self._connection = changes.connection

    def using(self, **changes: Unpack[Changes]) -> Using[P, R]:
        """More changes, on top of these."""
        return Using(self.task, overrides(changes, self._overrides))

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        return self.task.request_with(self._overrides, args, kwargs)

    def _takes(self, request: Request) -> bool:
        return request.task is self.task
