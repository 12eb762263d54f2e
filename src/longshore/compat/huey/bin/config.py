"""What a consumer is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from longshore.compat.huey.exceptions import ConfigurationError
from longshore.suggest import did_you_mean


class BaseConfiguration:
    """Subclass it, and start a consumer with its path: ``python -m longshore.compat.huey.consumer main.Configuration``.

    QUEUE          of `backends`, or of your own; needed
    RESULT_STORE   of `backends`, or of your own; commands of decorated functions use that of their invoker
    TASK_STORE     not needed: what waits is kept in the queue's store
    PERIODIC       whether this consumer runs periodic commands. Several may: each minute counts once
    THREADS        most commands at once
    LOGFILE        where its log goes (1 MiB, three of them), else to standard error; LOGLEVEL: from which level
    BACKOFF, INITIAL_DELAY, MAX_DELAY   how a queue of your own is polled, in seconds; one of ours is not
    UTC            whether naive times are in UTC, rather than in local time
    PACKAGES       where a command's module may be imported from because a message names it (None: the packages of the
                   modules that this one imports its commands from; nothing: ``()``)
    DRAIN          seconds a stopping consumer waits for what still runs; then it is given back
    """

    QUEUE: ClassVar[Any] = None
    RESULT_STORE: ClassVar[Any] = None
    TASK_STORE: ClassVar[Any] = None
    PERIODIC: ClassVar[bool] = False
    THREADS: ClassVar[int] = 1

    LOGFILE: ClassVar[str | None] = None
    LOGLEVEL: ClassVar[int] = logging.INFO

    BACKOFF: ClassVar[float] = 1.15
    INITIAL_DELAY: ClassVar[float] = 0.1
    MAX_DELAY: ClassVar[float] = 10

    UTC: ClassVar[bool] = True

    PACKAGES: ClassVar[Sequence[str] | None] = None
    DRAIN: ClassVar[float] = 30.0

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Programs that enqueue, or dequeue by hand, have to read naive times as the consumer does, and may import what it
        # may; they import this module too.
        commands = getattr(cls.QUEUE, "commands", None)
        if commands is not None:
            commands.sources.add(cls.__module__)
        if cls.QUEUE is not None and getattr(cls.QUEUE, "utc", True) != cls.UTC:
            cls.QUEUE.utc = cls.UTC


_KINDS: dict[str, tuple[type, ...]] = {
    "PERIODIC": (bool,),
    "THREADS": (int,),
    "BACKOFF": (int, float),
    "INITIAL_DELAY": (int, float),
    "MAX_DELAY": (int, float),
    "UTC": (bool,),
    "DRAIN": (int, float),
}
_LEAST: dict[str, float] = {"THREADS": 1, "BACKOFF": 1, "INITIAL_DELAY": 0, "MAX_DELAY": 0, "DRAIN": 0}


def check(config: Any) -> None:
    """ConfigurationError: a value that cannot work, or a setting there is none of."""
    name = getattr(config, "__name__", type(config).__name__)
    for key, kinds in _KINDS.items():
        value: Any = getattr(config, key, getattr(BaseConfiguration, key))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ConfigurationError(
                f"{name}.{key} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r:.80}"
            )
    for key, least in _LEAST.items():
        number = getattr(config, key, getattr(BaseConfiguration, key))
        if number < least:
            raise ConfigurationError(f"{name}.{key} = {number!r}: it must be at least {least}")
    packages = getattr(config, "PACKAGES", None)
    if isinstance(packages, str):
        raise ConfigurationError(f"{name}.PACKAGES is text; write a list: PACKAGES = [{packages!r}]")
    known = [key for key in vars(BaseConfiguration) if key.isupper()]
    for key in vars(config) if isinstance(config, type) else ():
        near = did_you_mean(key, known)
        if key.isupper() and key not in known and near:
            raise ConfigurationError(f"{name} has a setting {key}, which there is not{near}")
