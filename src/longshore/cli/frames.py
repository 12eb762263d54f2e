"""The user's own part of a traceback."""

from __future__ import annotations

import os
import sysconfig
import traceback
from pathlib import Path
from typing import Final

_PACKAGE: Final = str(Path(__file__).parent.parent) + os.sep
_IMPORTLIB: Final = os.path.join("importlib", "__init__.py")


def own_traceback(error: BaseException) -> tuple[str, str]:
    """The traceback trimmed to the user's frames, and ``, in FILE line N`` of the last of them (or nothing)."""
    told = traceback.TracebackException.from_exception(error)
    told.__cause__ = told.__context__ = None
    frames = [frame for frame in told.stack if not _is_machinery(frame.filename)]
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    told.stack = traceback.StackSummary.from_list(own or frames)
    text = "".join(told.format() if told.stack else told.format_exception_only())
    where = f", in {_short(own[-1].filename)} line {own[-1].lineno}" if own else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f", in {_short(error.filename)} line {error.lineno}"
    return text, where


def _is_machinery(name: str) -> bool:
    return name.startswith(("<frozen importlib", _PACKAGE)) or name.endswith(_IMPORTLIB)


def _is_installed(name: str) -> bool:
    if "site-packages" in name or "dist-packages" in name:
        return True
    here = os.getcwd() + os.sep
    return name.startswith(sysconfig.get_path("stdlib") + os.sep) and not name.startswith(here)


def _short(name: str) -> str:
    try:
        relative = os.path.relpath(name)
    except ValueError:  # another drive
        return name
    return name if relative.startswith("..") else relative
