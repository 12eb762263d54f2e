"""One of several: unions, enums, literals."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from longshore.codec.mismatch import Mismatch, unlike
from longshore.codec.shape import Shape, converted
from longshore.codec.tags import Choice, choice


class UnionShape(Shape):
    """The first member that takes the value, its label stored beside it. ``native``: the stored forms tell by themselves."""

    def __init__(self, members: Sequence[Shape], *, native: bool) -> None:
        self.members = members
        self.native = native
        self.label = " | ".join(member.label for member in members)
        self.optional = any(member.label == "None" for member in members)
        values = [member for member in members if member.label != "None"]
        self.certain = all(member.certain for member in members)
        self.only = values[0] if len(values) == 1 else None

    def dump(self, value: Any, depth: int) -> Any:
        if value is None and self.optional:
            return None
        if self.only is not None:
            return self.only.dump(value, depth)
        closest: Mismatch | None = None
        for member in self._by_likeness(value):
            try:
                return choice(member.label, member.dump(value, depth))
            except Mismatch as misfit:
                if closest is None or len(misfit.path) > len(closest.path) or not misfit.storable:
                    closest = misfit
        if closest is not None and (closest.path or not closest.storable):
            raise closest
        raise unlike(self.label, value)

    def _by_likeness(self, value: Any) -> list[Shape]:
        """A member of exactly this class first: ``float | int`` keeps 1 an int."""
        name = type(value).__name__
        return sorted(
            self.members, key=lambda member: member.label.rpartition(".")[2].partition("[")[0] != name
        )

    def load(self, stored: Any) -> Any:
        if stored is None and self.optional:
            return None
        members = [self.only] if self.only is not None else self.members
        if isinstance(stored, Choice):
            members = [member for member in members if member.label == stored.label] or members
            stored = stored.stored
        if len(members) == 1:
            return members[0].load(stored)
        # Without its label where it was stored before the parameter became this union.
        for member in members:
            try:
                return member.load(stored)
            except Mismatch:
                continue
        raise unlike(self.label, stored)


class EnumShape(Shape):
    """Members of an enum: by value where all values are text or all are integers, else by name."""

    def __init__(self, cls: type[enum.Enum]) -> None:
        self.cls = cls
        self.label = cls.__qualname__
        kinds = {type(member.value) for member in cls}
        self.native = kinds in ({str}, {int})
        self.certain = True

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, self.cls):
            raise unlike(self.label, value)
        return value.value if self.native else value.name

    def load(self, stored: Any) -> Any:
        if self.native:
            return converted(stored, self.cls)
        try:
            return self.cls[stored]
        except (KeyError, TypeError):
            raise Mismatch(f"{self.label} has no member {stored!r:.60}") from None


class LiteralShape(Shape):
    """Exactly these values."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values
        self.label = f"one of {', '.join(map(repr, values))}"
        self.native = all(type(value) in (str, int, type(None)) for value in values)
        self.certain = True

    def dump(self, value: Any, depth: int) -> Any:
        return self.load(value)

    def load(self, stored: Any) -> Any:
        for value in self.values:
            if type(value) is type(stored) and value == stored:
                return value
        raise Mismatch(f"expected {self.label}")
