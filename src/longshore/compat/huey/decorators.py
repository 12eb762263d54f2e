"""The two decorators, and `crontab`."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from longshore.compat.huey.command import FunctionCommand, PeriodicFunctionCommand, QueueCommand
from longshore.compat.huey.crons import crontab
from longshore.compat.huey.exceptions import ConfigurationError
from longshore.compat.huey.queue import Invoker
from longshore.compat.huey.utils import local_to_utc, now
from longshore.duration import seconds

__all__ = ("crontab", "periodic_command", "queue_command")

Function = Callable[..., Any]


def queue_command(
    invoker: Invoker,
    retries: int = 0,
    retry_delay: float = 0,
    retries_as_argument: bool = False,
) -> Callable[[Function], Any]:
    """Calls of the decorated function put it into the queue, for a consumer to run.

    retries               runs after a first one that failed
    retry_delay           seconds between them
    retries_as_argument   the function is given ``retries``: how many are left

    A call gives an `AsyncData`, or None without a result store. Arguments have to be plain data, or of the type that their
    parameter is annotated with (a dataclass, say); whether plain ones fit shows when it runs. The function gets
    ``schedule``, ``revoke``, ``is_revoked``, ``restore``, ``call_local`` and ``command_class``.
    RegistrationError: this invoker has another command of the same name.
    """
    _check(invoker, "queue_command")
    options = {
        "retries": _count("retries", retries),
        "retry_delay": _count("retry_delay", retry_delay),
        "retries_as_argument": retries_as_argument,
    }

    def decorator(fn: Function) -> Any:
        command_class = _made(FunctionCommand, invoker, fn, options)

        @functools.wraps(fn)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return invoker.enqueue(command_class((args, kwargs)))

        def schedule(
            args: Sequence[Any] | None = None,
            kwargs: Mapping[str, Any] | None = None,
            eta: datetime | None = None,
            convert_utc: bool = True,
            delay: float | timedelta | None = None,
        ) -> Any:
            """Enqueue a call that is not run before its time.

            eta           when; naive: local time, or UTC with ``convert_utc=False``
            convert_utc   whether to convert ``eta`` to UTC
            delay         how long from now, in seconds or as a timedelta; not together with ``eta``

            ValueError: both were given, or one that cannot be.
            """
            command = command_class((tuple(args or ()), dict(kwargs or {})))
            _time(command, eta, convert_utc, delay, invoker.utc)
            return invoker.enqueue(command)

        inner.schedule = schedule  # type: ignore[attr-defined]
        return _equipped(inner, invoker, command_class)

    return decorator


def periodic_command(
    invoker: Invoker, validate_datetime: Callable[[datetime], object]
) -> Callable[[Function], Any]:
    """A consumer whose configuration says ``PERIODIC = True`` runs the function whenever ``validate_datetime`` is true of
    the minute, which it is given as a naive datetime (in UTC, unless the configuration says ``UTC = False``).

    A plain call runs it here. It takes no arguments, and what it returns is kept nowhere. The function gets ``revoke``,
    ``is_revoked``, ``restore``, ``call_local`` and ``command_class``.
    """
    _check(invoker, "periodic_command")
    if not callable(validate_datetime) or isinstance(validate_datetime, type):
        raise ConfigurationError(
            f"periodic_command takes a function datetime -> bool, not {validate_datetime!r:.80}: "
            "periodic_command(invoker, crontab(minute='*/5')), say"
        )

    def decorator(fn: Function) -> Any:
        asked = {"validate_datetime": staticmethod(validate_datetime)}
        command_class = _made(PeriodicFunctionCommand, invoker, fn, asked)

        @functools.wraps(fn)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return _equipped(inner, invoker, command_class)

    return decorator


def _made(
    base: type[FunctionCommand], invoker: Invoker, fn: Function, more: Mapping[str, Any]
) -> type[FunctionCommand]:
    """The command class of a function, registered."""
    if inspect.iscoroutinefunction(fn):
        raise ConfigurationError(
            f"{fn.__qualname__} is a coroutine function, which huey has no word for: make it a task of longshore.App"
        )
    name = f"queuecmd_{fn.__name__}"
    head, dot, _ = fn.__qualname__.rpartition(".")
    body = {
        "__module__": fn.__module__,
        "__doc__": fn.__doc__,
        "__qualname__": f"{head}{dot}{name}",
        "function": staticmethod(fn),
        "invoker": invoker,
        **more,
    }
    made: type[FunctionCommand] = type(name, (base,), body)
    invoker.register(made)
    return made


def _equipped(inner: Any, invoker: Invoker, command_class: type[FunctionCommand]) -> Any:
    """With what every decorated function has."""
    everyone = command_class(task_id=f"{command_class.__module__}.{command_class.__name__}")

    def revoke(revoke_until: datetime | None = None, revoke_once: bool = False) -> None:
        """Do not run it: until then, once, or any more. See `Invoker.revoke`."""
        invoker.revoke(everyone, revoke_until, revoke_once)

    def is_revoked(dt: datetime | None = None, preserve: bool = True) -> bool:
        """Whether it is revoked at ``dt`` (None: now)."""
        return invoker.is_revoked(everyone, dt, preserve)

    def restore() -> bool:
        """Undo `revoke`; False: it was not revoked."""
        return invoker.restore(everyone)

    inner.revoke, inner.is_revoked, inner.restore = revoke, is_revoked, restore
    inner.command_class = command_class
    inner.call_local = command_class.function
    return inner


def _time(command: QueueCommand, eta: datetime | None, convert_utc: bool, delay: Any, utc: bool) -> None:
    if delay is not None:
        if eta is not None:
            raise ValueError("schedule takes eta or delay, not both")
        wait = seconds(delay, "delay", error=ConfigurationError)
        command.execute_time = now(utc) + timedelta(seconds=wait)
        command.due = time.time() + wait
    elif eta is not None and not isinstance(eta, datetime):
        raise ConfigurationError(f"eta must be a datetime, not {eta!r:.80}; in so many seconds: delay=60")
    elif eta is not None and convert_utc:
        command.execute_time = local_to_utc(eta)
        command.due = command.execute_time.replace(tzinfo=UTC).timestamp()
    else:
        command.execute_time = eta


def _check(invoker: object, what: str) -> None:
    if not isinstance(invoker, Invoker):
        raise ConfigurationError(f"@{what} takes an Invoker, not {invoker!r:.80}: @{what}(invoker)")


def _count(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ConfigurationError(f"{name} must be a number, 0 or more, not {value!r:.80}")
    return value
