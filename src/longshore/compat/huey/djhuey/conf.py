"""From the settings of a Django project to an invoker and a configuration."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.queue import Invoker
from longshore.errors import LongshoreError
from longshore.suggest import did_you_mean

#: of HUEY_CONFIG, the older form: those that go into the configuration as they are
_PLAIN: Final = (
    "PERIODIC", "THREADS", "LOGFILE", "LOGLEVEL", "BACKOFF", "INITIAL_DELAY", "MAX_DELAY", "UTC", "PACKAGES", "DRAIN",
)  # fmt: skip
_PARTS: Final = ("QUEUE", "RESULT_STORE", "TASK_STORE")
_OLD: Final = (
    *_PLAIN,
    *_PARTS,
    *(f"{part}_{what}" for part in _PARTS for what in ("NAME", "CONNECTION")),
    "ALWAYS_EAGER",
    "STORE_NONE",
)
_NEW: Final = (
    "backend",
    "url",
    "name",
    "connection",
    "always_eager",
    "store_none",
    "result_store",
    "consumer_options",
)
#: of HUEY's consumer_options: what each is called in a configuration
_OPTIONS: Final = {
    "workers": "THREADS",
    "threads": "THREADS",
    "periodic": "PERIODIC",
    "logfile": "LOGFILE",
    "loglevel": "LOGLEVEL",
    "backoff": "BACKOFF",
    "initial_delay": "INITIAL_DELAY",
    "max_delay": "MAX_DELAY",
    "utc": "UTC",
    "packages": "PACKAGES",
    "drain": "DRAIN",
}
_HELP: Final = (
    "say in the settings which queue to use:\n"
    'HUEY = {"backend": "longshore.compat.huey.backends.redis_backend", "connection": {"host": "localhost"}}\n'
    'or HUEY = {"url": "postgresql://..."}'
)


class Site(NamedTuple):
    """What a project has."""

    invoker: Invoker
    configuration: type[BaseConfiguration]


@cache
def site() -> Site:
    """Of the settings, once. ImproperlyConfigured: says what is missing or wrong, and what to write."""
    new, old = getattr(settings, "HUEY", None), getattr(settings, "HUEY_CONFIG", None)
    try:
        if isinstance(new, Invoker):
            return _site(new, {})
        if new is not None:
            return _from_new(_dict("HUEY", new))
        if old is not None:
            return _from_old(_dict("HUEY_CONFIG", old))
    except LongshoreError as error:
        raise ImproperlyConfigured(f"the settings of huey: {error}") from error
    raise ImproperlyConfigured(f"there is no setting HUEY; {_HELP}")


def _dict(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured(f"{name} must be a dict or an Invoker, not {value!r:.80}; {_HELP}")
    return value


def _from_new(said: Mapping[str, Any]) -> Site:
    _known("HUEY", said, _NEW)
    options = said.get("consumer_options", {})
    _known('HUEY["consumer_options"]', options, _OPTIONS)
    name, connection = said.get("name") or _default_name(), said.get("connection", {})
    if "url" in said:
        queue = _url_part("StoreQueue", name, said["url"], connection)
        results = _url_part("StoreDataStore", f"{name}.results", said["url"], connection)
    elif "backend" in said:
        module = _module(said["backend"])
        queue = _of_kind(module, "Queue")(name, **connection)
        results = _of_kind(module, "DataStore")(f"{name}.results", **connection)
    else:
        raise ImproperlyConfigured(f'HUEY has no "backend" and no "url"; {_HELP}')
    invoker = Invoker(
        queue,
        results if said.get("result_store", True) else None,
        store_none=bool(said.get("store_none", False)),
        always_eager=bool(said.get("always_eager", False)),
    )
    values = {"PERIODIC": True} | {_OPTIONS[key]: value for key, value in options.items()}
    return _site(invoker, values)


def _from_old(said: Mapping[str, Any]) -> Site:
    _known("HUEY_CONFIG", said, _OLD)
    if said.get("QUEUE") is None:
        raise ImproperlyConfigured(
            'HUEY_CONFIG has no "QUEUE": '
            '{"QUEUE": "longshore.compat.huey.backends.redis_backend.RedisBlockingQueue", "QUEUE_CONNECTION": {}}'
        )
    queue, results, tasks = (_part(said, part) for part in _PARTS)
    invoker = Invoker(
        queue, results, tasks, bool(said.get("STORE_NONE", False)), bool(said.get("ALWAYS_EAGER", False))
    )
    return _site(invoker, {key: said[key] for key in _PLAIN if key in said})


def _site(invoker: Invoker, values: Mapping[str, Any]) -> Site:
    body = {
        "QUEUE": invoker.queue,
        "RESULT_STORE": invoker.result_store,
        "TASK_STORE": invoker.task_store,
        "LOGLEVEL": logging.INFO,
        **values,
    }
    return Site(invoker, type("Configuration", (BaseConfiguration,), {"__module__": __name__, **body}))


def _part(said: Mapping[str, Any], part: str) -> Any:
    """A queue or a store: as it is, or made of its dotted path."""
    value = said.get(part)
    if not isinstance(value, str):
        return value
    module, _, name = value.rpartition(".")
    made = getattr(_module(module), name, None)
    if made is None:
        raise ImproperlyConfigured(f'HUEY_CONFIG["{part}"]: "{module}" has no "{name}"')
    return made(said.get(f"{part}_NAME") or _default_name(), **said.get(f"{part}_CONNECTION", {}))


def _url_part(kind: str, name: str, url: str, connection: Mapping[str, Any]) -> Any:
    from longshore.compat.huey.backends import store

    return getattr(store, kind)(name, url, **connection)


def _module(path: str) -> Any:
    """The module of this path; those of huey are ours."""
    if path.split(".")[0] == "huey":
        path = f"longshore.compat.{path}"
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            f'the settings of huey name "{path}", which cannot be imported: {error}'
        ) from error


def _of_kind(module: Any, kind: str) -> Any:
    """The last class of this kind that a backend's module defines: of Redis, the queue that waits."""
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    found = [value for value in own if value.__name__.endswith(kind)]
    if not found:
        raise ImproperlyConfigured(f'the backend "{module.__name__}" defines no {kind}')
    return found[-1]


def _default_name() -> str:
    name = settings.DATABASES.get("default", {}).get("NAME") if settings.DATABASES else None
    base = os.path.basename(str(name)) if name else ""
    return re.sub(r"[^\w.:-]", "_", base) or "huey"


def _known(what: str, said: Mapping[str, Any], known: Any) -> None:
    for key in said:
        if key not in known:
            raise ImproperlyConfigured(
                f'{what} has "{key}", which there is not{did_you_mean(key, known)}. There are: {", ".join(known)}'
            )
