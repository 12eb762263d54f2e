"""From a function or class to a task, and the decorator that does it: ``app.task``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, overload

from longshore.context import Context
from longshore.errors import TaskError
from longshore.model import UniqueMode
from longshore.names import check_name, task_name
from longshore.options import OPTION_NAMES, Executor, Options, Unique, options
from longshore.retry import Retry
from longshore.signature import Signature
from longshore.task import AsyncTask, Door, Kind, SyncTask, Task

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class AsyncBody(Protocol[P, R_co]):
    """A class whose instances are called as coroutines."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]: ...


class SyncBody(Protocol[P, R_co]):
    """A class whose instances are called."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class TaskOptions(TypedDict, total=False):
    """What ``app.task(...)`` takes. Durations in seconds or as timedelta; see `Options`."""

    name: str
    queue: str
    priority: int
    retry: Retry | int | None
    timeout: float | timedelta | None
    expires: float | timedelta | None
    unique: Unique
    unique_mode: UniqueMode
    keep: float | timedelta | None
    executor: Executor | None


class TaskDecorator(Protocol):
    """``@app.task(...)``: makes a task of a function or class. A first parameter of type `Context` is not the caller's."""

    @overload
    def __call__(self, fn: type[AsyncBody[P, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: type[SyncBody[P, R]], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(
        self, fn: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> SyncTask[P, R]: ...


class TaskMaker(TaskDecorator, Protocol):
    """``@app.task``: the decorator itself, or, called with options, what makes it."""

    @overload
    def __call__(self, fn: type[AsyncBody[P, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: type[SyncBody[P, R]], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(
        self, fn: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> SyncTask[P, R]: ...
    @overload
    def __call__(self, **given: Unpack[TaskOptions]) -> TaskDecorator: ...


def define(target: Any, door: Door, given: Mapping[str, Any], base: Options | None = None) -> Task[..., Any]:
    """The task that ``target``, a function or a class with ``__call__``, makes with these options.

    ``base`` are the options that ``given`` and a class's own attributes build on. TaskError: it cannot be a task, or an
    option cannot work; says why and what to do.
    """
    given = dict(given)
    body = target
    if isinstance(target, type):
        body = _call_of(target)
        given = _class_options(target) | given
    elif not callable(target):
        raise TaskError(f"app.task takes a function or a class with __call__, not {target!r:.80}")
    own_name = given.pop("name", None)
    name = task_name(target) if own_name is None else check_name(own_name, "a task's name", TaskError)
    chosen = options(given, base)
    kind = _kind(name, target, body, chosen)
    if target is body:
        _check_no_method(name, target)
    try:
        signature = Signature(body, name, bound=target is not body)
    except (ValueError, TypeError) as error:
        raise TaskError(f'task "{name}": its parameters cannot be read: {error}') from None
    made = AsyncTask if kind == "async" else SyncTask
    return made(name, target, kind, chosen, signature, door)


def _call_of(cls: type) -> Callable[..., Any]:
    body = next((vars(base)["__call__"] for base in cls.__mro__ if "__call__" in vars(base)), None)
    if body is None:
        raise TaskError(f"class {cls.__qualname__} has no __call__: define it, or decorate a function")
    if inspect.isabstract(cls):
        raise TaskError(f"class {cls.__qualname__} is abstract: a run could not make an instance of it")
    try:
        inspect.signature(cls).bind()
    except TypeError:
        raise TaskError(
            f"class {cls.__qualname__} needs arguments to be made, and every run makes a fresh instance without any"
        ) from None
    except ValueError:
        pass  # no readable signature: C code; the first run will show
    return body  # type: ignore[no-any-return]


_NO_OPTION: Final = (property, classmethod)


def _class_options(cls: type) -> dict[str, Any]:
    """Options written as attributes of the class: ``queue = "mail"``."""
    found = {}
    for name in ("name", *OPTION_NAMES):
        for base in cls.__mro__:
            if name in vars(base):
                value = vars(base)[name]
                if not isinstance(value, _NO_OPTION) and (name == "unique" or not inspect.isroutine(value)):
                    found[name] = value.__func__ if isinstance(value, staticmethod) else value
                break
    return found


def _kind(name: str, target: Any, body: Any, chosen: Options) -> Kind:
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        raise TaskError(
            f'task "{name}" is a generator: a task returns one result. Return a list, or enqueue its parts'
        )
    is_async = inspect.iscoroutinefunction(body)
    if not is_async:
        if chosen.executor != "process":
            return "sync"
        if "<" in getattr(target, "__qualname__", "<"):
            raise TaskError(
                f'task "{name}" cannot have executor="process": a new process finds it by name, and it is inside a function. '
                "Move it to the top of the module."
            )
        return "process"
    if chosen.executor is not None:
        raise TaskError(
            f'task "{name}" cannot have executor={chosen.executor!r}: coroutines run in the event loop. '
            "Make it a plain function (def), or leave executor out."
        )
    return "async"


def _check_no_method(name: str, target: Any) -> None:
    parent = getattr(target, "__qualname__", "").rpartition(".")[0]
    code = getattr(target, "__code__", None)
    if parent and not parent.endswith("<locals>") and code is not None and code.co_varnames[:1] == ("self",):
        raise TaskError(
            f'task "{name}" is a method: no worker has the object to call it on. '
            "Make it a function, a staticmethod, or a class with __call__."
        )
