"""The setting ``LONGSHORE``: one dict, read once, every mistake in it named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from longshore.app import DEFAULT_KEEP, MIB
from longshore.duration import optional_seconds, seconds
from longshore.errors import ConfigError, LongshoreError
from longshore.names import check_name
from longshore.suggest import did_you_mean

#: Engines of Django, by what `connection.vendor` says, that jobs can be kept in.
VENDORS: Final = ("postgresql", "sqlite")


class Mistake(NamedTuple):
    """One thing that is wrong, and what to do. ``number`` is that of the check, ``longshore.E00N``."""

    number: int
    text: str
    hint: str


class Supervise(msgspec.Struct, frozen=True):
    """How many workers the Django processes keep alive between them, and how these work. No queues: all."""

    workers: int = 1
    concurrency: int = 10
    queues: Sequence[str] | None = None


class Conf(msgspec.Struct, frozen=True):
    """What the setting says; each field is a key of it in capital letters.

    store         a URL, where the jobs are not kept in a database of the project's; None: in ``database``
    database      the alias of the database that keeps the jobs
    options       more of the store's URL, ``{"schema": "jobs", "pool": 4}``: see the page of that store
    after_commit  where jobs are kept elsewhere: the alias of the database on whose commit they are stored; None: at once
    outbox        whether they wait for it in a table of that database, from where workers move them: then none is lost if
                  the place where jobs are kept cannot be reached in that moment
    lease, sweep, max_crashes, keep, max_args, max_result, eager   as `longshore.App` takes them
    middleware    dotted paths of middleware classes, or instances, outermost first
    modules       the modules of installed apps in which tasks are looked for
    supervise     the workers that Django starts; None: as the app in INSTALLED_APPS says
    """

    store: str | None = None
    database: str = DEFAULT_DB_ALIAS
    options: Mapping[str, str] = {}
    after_commit: str | None = DEFAULT_DB_ALIAS
    outbox: bool = True
    lease: float = 15.0
    sweep: float = 5.0
    max_crashes: int = 3
    keep: float | None = DEFAULT_KEEP.total_seconds()
    middleware: Sequence[Any] = ()
    max_args: int = MIB
    max_result: int = MIB
    eager: bool = False
    modules: Sequence[str] = ("tasks", "commands")
    supervise: Supervise | None = None


KEYS: Final = tuple(name.upper() for name in Conf.__struct_fields__)


class BadValue(Exception):
    """What a value must be instead, and optionally the number of its check."""

    def __init__(self, text: str, number: int = 3) -> None:
        super().__init__(text)
        self.number = number


def read(given: Any = None) -> tuple[Conf, list[Mistake]]:
    """The settings and what is wrong with them; what is wrong is left at its default."""
    given = getattr(settings, "LONGSHORE", {}) if given is None else given
    if not isinstance(given, Mapping):
        hint = 'Write a dict: LONGSHORE = {"LEASE": 15}. Without the setting, every default holds.'
        return Conf(), [Mistake(1, f"LONGSHORE is {type(given).__name__}, not a dict.", hint)]
    mistakes: list[Mistake] = []
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KEYS:
            text = f"LONGSHORE has no setting {key!r}{did_you_mean(str(key), KEYS)}"
            mistakes.append(Mistake(2, text.removesuffix("?") + ".", f"Known: {', '.join(KEYS)}."))
            continue
        try:
            values[key.lower()] = _READERS[key](value)
        except BadValue as bad:
            mistakes.append(Mistake(bad.number, f"LONGSHORE[{key!r}] = {value!r:.80} cannot work.", str(bad)))
        except LongshoreError as error:
            mistakes.append(Mistake(3, f"LONGSHORE[{key!r}] = {value!r:.80} cannot work.", str(error)))
    return Conf(**values), mistakes


def supervision(by_default: bool) -> Supervise | None:
    """The workers that Django is to start, if any; of the setting nothing else is read."""
    given = getattr(settings, "LONGSHORE", {})
    try:
        found = _supervise(given.get("SUPERVISE"))
    except (AttributeError, BadValue, LongshoreError):  # said by the checks
        return None
    if found is None:
        return Supervise() if by_default else None
    return found if found.workers else None


# -- one reader a key ----------------------------------------------------------------------------------------------


def _store(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise BadValue(
        'Write a URL, "redis://localhost/0"; leave it out to keep jobs in the project\'s database.'
    )


def _alias(value: Any) -> str:
    if not isinstance(value, str) or value not in list(connections):
        known = ", ".join(sorted(connections))
        raise BadValue(f"Name one of DATABASES: {known}.", 4)
    return value


def _options(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise BadValue('Write a dict of options of the store\'s URL: {"schema": "jobs"}.')
    return {name: str(text) for name, text in value.items()}


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadValue("Write a whole number of at least 1.")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue("Write True or False.")
    return value


def _modules(value: Any) -> tuple[str, ...]:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not listed or not all(isinstance(name, str) and name.isidentifier() for name in value):
        raise BadValue('Write a list of module names: ["tasks"].')
    return tuple(value)


def _middleware(value: Any) -> tuple[Any, ...]:
    from django.utils.module_loading import import_string

    from longshore.middleware.base import Middleware

    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BadValue('Write a list: ["shop.jobs.Audit"].')
    made = []
    for one in value:
        try:
            found = import_string(one) if isinstance(one, str) else one
            found = found() if isinstance(found, type) else found
        except Exception as error:
            raise BadValue(f"{one!r} cannot be made: {error}.", 7) from None
        if not isinstance(found, Middleware):
            raise BadValue(f"{one!r} is no subclass of longshore.Middleware.", 7)
        made.append(found)
    return tuple(made)


def _supervise(value: Any) -> Supervise | None:
    if value is None:
        return None
    if isinstance(value, int):
        value = {"workers": int(value)}
    if not isinstance(value, Mapping) or not set(value) <= set(Supervise.__struct_fields__):
        raise BadValue(
            'Write True, False, a number of workers, or {"workers": 1, "concurrency": 10, "queues": ["mail"]}.',
            8,
        )
    found = Supervise(**value)
    for name, least, most in (("workers", 0, 64), ("concurrency", 1, 10_000)):
        number = getattr(found, name)
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise BadValue(f'Write a whole number from {least} to {most} for "{name}".', 8)
    if found.queues is None:
        return found
    if isinstance(found.queues, str) or not isinstance(found.queues, Sequence) or not found.queues:
        raise BadValue('Write a list for "queues": ["mail"]; leave it out for all queues.', 8)
    return msgspec.structs.replace(
        found, queues=tuple(check_name(name, "a queue", ConfigError) for name in found.queues)
    )


_READERS: Final[Mapping[str, Any]] = {
    "STORE": _store,
    "DATABASE": _alias,
    "OPTIONS": _options,
    "AFTER_COMMIT": lambda value: None if value is None else _alias(value),
    "OUTBOX": _flag,
    "LEASE": lambda value: seconds(value, "LEASE", positive=True),
    "SWEEP": lambda value: seconds(value, "SWEEP", positive=True),
    "MAX_CRASHES": _number,
    "KEEP": lambda value: optional_seconds(value, "KEEP"),
    "MIDDLEWARE": _middleware,
    "MAX_ARGS": _number,
    "MAX_RESULT": _number,
    "EAGER": _flag,
    "MODULES": _modules,
    "SUPERVISE": _supervise,
}
