"""Importing the module of a command that nobody here knows: once, and only where that is allowed.

A message names a module, and whoever can write to the queue writes messages. So the module has to be in one of the packages
that the configuration names, or beside what it imports anyway.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from typing import Final

#: Folders in which anybody's modules are: to be found in one of them says nothing.
_COMMON: Final = frozenset(
    os.path.realpath(path)
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib", "purelib", "platlib")
)


class Imports:
    """``packages``: names of packages and modules (None: those of the modules that ``known`` gives)."""

    def __init__(
        self, packages: Sequence[str] | None, known: Callable[[], Iterable[str]] = lambda: ()
    ) -> None:
        self.packages = packages
        self._known = known

    def allow(self, module: str) -> bool:
        """Whether this module may be imported because a message names it."""
        if not all(part.isidentifier() for part in module.split(".")) or module == "__main__":
            return False
        if self.packages is not None:
            return any(module == name or module.startswith(f"{name}.") for name in self.packages)
        known = {name for name in self._known() if name != "__main__"}
        tops = {name.partition(".")[0] for name in known}
        top = module.partition(".")[0]
        return top in tops or ("." not in module and _folder(top) in {_folder(name) for name in tops} - {""})

    def attempt(self, module: str) -> BaseException | None:
        """Import it; what went wrong, if something did."""
        try:
            importlib.import_module(module)
        except Exception as error:
            return error
        return None

    def told(self) -> str:
        """What is allowed, for people."""
        if self.packages is not None:
            return ", ".join(self.packages) or "nothing"
        return ", ".join(sorted({name.partition(".")[0] for name in self._known()})) or "nothing"


def _folder(top: str) -> str:
    """Where the file of a module at the top level is; empty for a package, and for what is installed."""
    loaded = sys.modules.get(top)
    try:
        spec = loaded.__spec__ if loaded is not None else importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return ""
    if spec is None or not spec.has_location or spec.origin is None or spec.submodule_search_locations:
        return ""
    folder = os.path.realpath(os.path.dirname(spec.origin))
    return "" if folder in _COMMON else folder
