"""From a function or class to a task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from longshore.errors import ConfigError, TaskError
from longshore.names import check_name, task_name
from longshore.signature import Signature
from longshore.suggest import did_you_mean
from longshore.task.core import AsyncTask, SyncTask, Task
from longshore.task.options import OPTION_NAMES, Options, options
from longshore.task.request import Door
from longshore.task.runnable import Kind, Runnable


def define(target: Any, door: Door, given: Mapping[str, Any], extra: Mapping[str, Any]) -> Task[..., Any]:
    """The task that ``target``, a function or a class with ``__call__``, makes with the options ``given``.

    ``extra`` are further options, by name with their defaults. TaskError: it cannot be a task, or an option cannot work;
    says why, and what to do.
    """
    body = target
    if isinstance(target, Task):
        raise TaskError(f"{target.name} is a task already")
    if isinstance(target, type):
        body = _call_of(target)
        given = _class_options(target, extra) | dict(given)
    elif not callable(target):
        raise TaskError(f"app.task takes a function or a class with __call__, not {target!r:.80}")
    own = {name: value for name, value in given.items() if name not in extra and name != "name"}
    name = check_name(given["name"], "a task's name", TaskError) if "name" in given else task_name(target)
    chosen = _options(name, own, door.keep, extra)
    kind = _kind(name, target, body, chosen)
    if target is body:
        _check_no_method(name, target)
    try:
        signature = Signature(body, name, bound=target is not body)
    except TaskError:
        raise
    except (ValueError, TypeError) as error:
        raise TaskError(f'task "{name}": its parameters cannot be read: {error}') from None
    made = AsyncTask if kind == "async" else SyncTask
    return made(
        Runnable(name, target, kind, chosen, signature, {key: given.get(key, extra[key]) for key in extra}),
        door,
    )


def _options(name: str, own: Mapping[str, Any], keep: float | None, extra: Mapping[str, Any]) -> Options:
    for option in own:
        if option not in OPTION_NAMES:
            known = ["name", *OPTION_NAMES, *extra]
            raise TaskError(f'task "{name}": app.task has no option "{option}"{did_you_mean(option, known)}')
    try:
        return options(own, Options(keep=keep))
    except ConfigError as error:
        raise TaskError(f'task "{name}": {error}') from None


def _call_of(cls: type) -> Callable[..., Any]:
    body = next((vars(base)["__call__"] for base in cls.__mro__ if "__call__" in vars(base)), None)
    if body is None:
        raise TaskError(f"class {cls.__qualname__} has no __call__: define it, or decorate a function")
    # Its own word only: what inherits from an abstract base is a task.
    if inspect.isabstract(cls) or vars(cls).get("abstract", False) is True:
        raise TaskError(f"class {cls.__qualname__} is abstract: decorate the classes that inherit from it")
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


def _class_options(cls: type, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Options written as attributes of the class: ``queue = "mail"``."""
    found = {}
    for name in ("name", *OPTION_NAMES, *extra):
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
    is_async = inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(type(body).__call__)
    if not is_async:
        if chosen.executor != "process":
            return "sync"
        if "<" in getattr(target, "__qualname__", "<"):
            raise TaskError(
                f'task "{name}" cannot have executor="process": a process finds it by name, and it is inside a function. '
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
