"""The Lua of the store, by name. A script's first line says which files go before it: ``--@ begin jobs write``."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_NEEDS = "--@ "


class Script(NamedTuple):
    """Its text, and how a server that has it knows it."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Read from the package once a process."""
    text = _read(name)
    first = text.partition("\n")[0]
    if first.startswith(_NEEDS):
        text = "\n".join([*map(_read, first.removeprefix(_NEEDS).split()), text])
    return made(text)


def made(text: str) -> Script:
    """A script of this text."""
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    return files("longshore.stores").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
