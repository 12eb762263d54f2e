"""``app.task``: the decorator, as programs and as type checkers see it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from longshore.context import Context
from longshore.model import UniqueMode
from longshore.retry import Retry
from longshore.task.core import AsyncTask, SyncTask, Task
from longshore.task.definition import define
from longshore.task.options import Executor, Unique
from longshore.task.request import Door

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T", bound=Task[..., Any])


class AsyncBody(Protocol[P, R_co]):
    """A class whose instances are called as coroutines."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]: ...


class SyncBody(Protocol[P, R_co]):
    """A class whose instances are called."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class _Whatever:
    """No function asks for one, so a first parameter that takes it takes anything: Any, object, or no annotation.

    Such a parameter would take the Context too, and be taken for it. So these functions keep their result's type, and
    their arguments are checked when they are enqueued.
    """


class TaskDecorator:
    """Makes a task of a function or of a class with ``__call__``: ``@app.task``, or with options ``@app.task(retry=3)``.

    ``door`` is the app, ``register`` is told of every task made, ``extra`` are options that middleware declares, by name
    with their defaults, ``given`` what the user said, and ``again`` is told of a task that is decorated once more (None:
    that is an error).
    """

    __slots__ = ("_again", "_door", "_extra", "_given", "_register")

    def __init__(
        self,
        door: Door,
        register: Callable[[Task[..., Any]], None],
        extra: Mapping[str, Any] | None = None,
        given: Mapping[str, Any] | None = None,
        again: Callable[[Task[..., Any], Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._door = door
        self._register = register
        self._extra = extra or {}
        self._given = given or {}
        self._again = again

    @overload
    def __call__(self, target: T, /) -> T: ...
    # The first that fits counts: a class is callable too, and a coroutine function returns something.
    @overload
    def __call__(self, target: type[AsyncBody[P, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, target: type[SyncBody[P, R]], /) -> SyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, target: Callable[Concatenate[_Whatever, ...], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[..., R]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, target: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, target: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, target: Callable[Concatenate[_Whatever, ...], R], /) -> SyncTask[..., R]: ...
    @overload
    def __call__(self, target: Callable[Concatenate[Context, P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, target: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(
        self,
        /,
        *,
        name: str = ...,
        queue: str = ...,
        priority: int = ...,
        retry: Retry | int | None = ...,
        timeout: float | timedelta | None = ...,
        expires: float | timedelta | None = ...,
        unique: Unique = ...,
        unique_mode: UniqueMode = ...,
        keep: float | timedelta | None = ...,
        executor: Executor | None = ...,
        **extra: Any,
    ) -> TaskDecorator: ...

    def __call__(self, target: Any = None, /, **given: Any) -> Any:
        """A task of ``target``; without one, this decorator with more options. TaskError: it cannot be a task."""
        merged = {**self._given, **given}
        if target is None:
            return TaskDecorator(self._door, self._register, self._extra, merged, self._again)
        if isinstance(target, Task) and self._again is not None:
            self._again(target, merged)
            return target
        task = define(target, self._door, merged, self._extra)
        self._register(task)
        return task
