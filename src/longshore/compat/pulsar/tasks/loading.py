"""Modules by dotted paths."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import ModuleType

from longshore.errors import ConfigError


def modules(paths: str | Iterable[str]) -> Iterator[ModuleType]:
    """The modules of these paths, imported, each once. ``pkg.*``: all modules of a package that do not begin with "_".

    ConfigError: a path leads nowhere. What a module raises while it is imported is raised.
    """
    seen = set()
    for path in [paths] if isinstance(paths, str) else paths:
        for name in _names(path):
            if name not in seen:
                seen.add(name)
                yield importlib.import_module(name)


def _names(path: object) -> list[str]:
    if not isinstance(path, str) or not path or path.startswith("."):
        raise ConfigError(f'task_paths: a path is text like "shop.jobs" or "shop.jobs.*", not {path!r:.80}')
    name = path.removesuffix(".*")
    if not _there(name):
        raise ConfigError(
            f'task_paths: "{path}" leads nowhere: there is no module "{name}" on the import path. Write it as you would '
            f'import it, and start where "import {name.partition(".")[0]}" works'
        )
    if name == path:
        return [name]
    package = importlib.import_module(name)
    if not hasattr(package, "__path__"):
        raise ConfigError(f'task_paths: "{path}": {name} is a module, not a package: write "{name}"')
    found = pkgutil.iter_modules(package.__path__)
    return [f"{name}.{info.name}" for info in found if not info.ispkg and not info.name.startswith("_")]


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError as error:
        # The package above is missing (or is no package), rather than something it imports.
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            return False
        raise
    except ValueError:  # a module without a spec: the running script
        return True
