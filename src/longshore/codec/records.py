"""Classes with fields: dataclasses, attrs classes, msgspec Structs, named tuples and typed dicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from longshore.codec.mismatch import Mismatch, deeper, step, unlike
from longshore.codec.shape import Shape


class FieldShape(NamedTuple):
    """One field. ``argument`` is its name in the class's own call, None where that does not take it."""

    name: str
    shape: Shape
    argument: str | None
    required: bool


class RecordShape(Shape):
    """An object of exactly this class, as the map of its fields.

    Made empty and filled by `fill`, so that a class can contain itself; such a class is never native, because nothing but
    counting the depth on the way keeps a tree of any depth from being stored here and unreadable there.
    """

    def __init__(self, cls: Any, label: str) -> None:
        self.cls = cls
        self.label = label
        self.fields: list[FieldShape] = []

    def fill(self, fields: list[FieldShape], *, native: bool = True) -> None:
        self.native = native and all(field.shape.native for field in fields)
        self.fields = fields

    def dump(self, value: Any, depth: int) -> Any:
        if type(value) is not self.cls:
            raise unlike(self.label, value)
        return self._dump(value, lambda name: getattr(value, name), depth)

    def _dump(self, value: Any, get: Callable[[str], Any], depth: int) -> dict[str, Any]:
        depth = deeper(depth)
        stored = {}
        for field in self.fields:
            try:
                stored[field.name] = field.shape.dump(get(field.name), depth)
            except AttributeError:
                raise Mismatch("is not set").under(f".{field.name}") from None
            except Mismatch as misfit:
                raise misfit.under(f".{field.name}") from None
        return stored

    def load(self, stored: Any) -> Any:
        values = self._load(stored)
        call = {
            field.argument: values.pop(field.name)
            for field in self.fields
            if field.argument and field.name in values
        }
        try:
            made = self.cls(**call)
            for name, value in values.items():
                object.__setattr__(made, name, value)
        except (TypeError, ValueError) as error:
            raise Mismatch(f"no {self.label}: {error}") from None
        return made

    def _load(self, stored: Any) -> dict[str, Any]:
        if not isinstance(stored, Mapping):
            raise unlike(self.label, stored)
        values = {}
        for field in self.fields:
            if field.name not in stored:
                if field.required:
                    raise Mismatch(f"{self.label} without its field {field.name!r}")
                continue
            try:
                values[field.name] = field.shape.load(stored[field.name])
            except Mismatch as misfit:
                raise misfit.under(f".{field.name}") from None
        return values


class TypedDictShape(RecordShape):
    """A dict with declared keys; others are refused."""

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, dict):
            raise unlike(self.label, value)
        depth = deeper(depth)
        stored = {}
        known = {field.name: field for field in self.fields}
        for key, item in value.items():
            if key not in known:
                raise Mismatch(f"{self.label} has no key {key!r:.60}")
            try:
                stored[key] = known[key].shape.dump(item, depth)
            except Mismatch as misfit:
                raise misfit.under(step(key)) from None
        missing = [field.name for field in self.fields if field.required and field.name not in value]
        if missing:
            raise Mismatch(f"{self.label} without its key {missing[0]!r}")
        return stored

    def load(self, stored: Any) -> Any:
        return self._load(stored)


class NamedTupleShape(RecordShape):
    """A named tuple, as the list of its fields."""

    def dump(self, value: Any, depth: int) -> Any:
        return list(super().dump(value, depth).values())

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (list, tuple)):
            raise unlike(self.label, stored)
        names = [field.name for field in self.fields]
        return super().load(dict(zip(names, stored, strict=False)))
