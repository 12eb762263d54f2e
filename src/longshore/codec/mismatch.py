"""A value that does not fit its declared type, and where inside the argument it sits."""

from __future__ import annotations

from typing import Final

#: Containers within containers: deeper values are refused, so that every process can read what one process stored.
MAX_DEPTH: Final = 64


class Mismatch(Exception):
    """Raised at the misfit and carried outwards; every container on the way puts its own step in front of ``path``.

    ``storable`` is False where the value's type is the right one but the value has no stored form.
    """

    def __init__(self, text: str, *, storable: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.storable = storable
        self.path = ""

    def under(self, step: str) -> Mismatch:
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.')}: {self.text}" if self.path else self.text


def type_name(cls: type) -> str:
    """``int``, ``pathlib.Path``, ``shop.models.Order``: as the user would write it after importing the module.

    Without the private modules in which some Pythons keep a public class (``pathlib._local``): labels are stored.
    """
    parts = [part for part in cls.__module__.split(".") if part.startswith("__") or not part.startswith("_")]
    return cls.__qualname__ if parts == ["builtins"] else ".".join([*parts, cls.__qualname__])


def unlike(expected: str, value: object) -> Mismatch:
    got = "None" if value is None else type_name(type(value))
    return Mismatch(f"expected {expected}, got {got}")


def deeper(depth: int) -> int:
    """The depth of the next container, refused past `MAX_DEPTH`: this is also what stops data that contains itself."""
    if depth >= MAX_DEPTH:
        raise Mismatch(f"nested more than {MAX_DEPTH} deep, or containing itself", storable=False)
    return depth + 1


def step(key: object) -> str:
    """The path step into a mapping: ``["name"]``, ``[3]``; long keys are cut."""
    text = repr(key) if isinstance(key, (str, int, bytes)) else type_name(type(key))
    return f"[{text if len(text) <= 40 else text[:39] + '…'}]"
