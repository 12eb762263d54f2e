"""Lists, sets, tuples and mappings of declared types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import repeat
from typing import Any

from longshore.codec.mismatch import Mismatch, deeper, step, unlike
from longshore.codec.shape import Shape
from longshore.codec.tags import encode


def dump_items(values: Iterable[Any], shapes: Iterable[Shape], depth: int) -> list[Any]:
    stored: list[Any] = []
    try:
        for value, shape in zip(values, shapes, strict=False):
            stored.append(shape.dump(value, depth))
    except Mismatch as misfit:
        raise misfit.under(f"[{len(stored)}]") from None
    return stored


def load_items(stored: Iterable[Any], shapes: Iterable[Shape]) -> list[Any]:
    loaded: list[Any] = []
    try:
        for item, shape in zip(stored, shapes, strict=False):
            loaded.append(shape.load(item))
    except Mismatch as misfit:
        raise misfit.under(f"[{len(loaded)}]") from None
    return loaded


class Items(Shape):
    """Any number of values of one type. ``accepts`` are the classes a caller may pass; ``make`` gives the declared one."""

    def __init__(
        self,
        label: str,
        item: Shape,
        accepts: tuple[type[Iterable[Any]], ...],
        make: Callable[[list[Any]], Any],
        *,
        native: bool,
    ) -> None:
        self.label = label
        self.item = item
        self.accepts = accepts
        self.make = make
        self.native = native and item.native
        self.certain = item.certain

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, self.accepts):
            raise unlike(self.label, value)
        stored = dump_items(value, repeat(self.item), deeper(depth))
        return sorted(stored, key=encode) if isinstance(value, AbstractSet) else stored

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (list, tuple, set, frozenset)):
            raise unlike(self.label, stored)
        return self.make(load_items(stored, repeat(self.item)))


class TupleShape(Shape):
    """A tuple of fixed length."""

    def __init__(self, items: Sequence[Shape]) -> None:
        self.label = f"tuple[{', '.join(item.label for item in items)}]"
        self.items = items
        self.native = all(item.native for item in items)
        self.certain = all(item.certain for item in items)

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, tuple):
            raise unlike(self.label, value)
        self._measure(value)
        return dump_items(value, self.items, deeper(depth))

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (list, tuple)):
            raise unlike(self.label, stored)
        self._measure(stored)
        return tuple(load_items(stored, self.items))

    def _measure(self, values: Sequence[Any]) -> None:
        if len(values) != len(self.items):
            raise Mismatch(f"expected {self.label}, got {len(values)} items")


class MappingShape(Shape):
    """A dict. Its keys must have a stored form too, of any kind."""

    def __init__(self, label: str, key: Shape, value: Shape) -> None:
        self.label = label
        self.key = key
        self.value = value
        self.native = key.native and value.native
        self.certain = key.certain and value.certain

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, Mapping):
            raise unlike(self.label, value)
        depth = deeper(depth)
        dump_key, dump_value = self.key.dump, self.value.dump
        # As pairs, because what stands for a key in the store need not be hashable.
        pairs = []
        key: Any = None
        plain = True
        try:
            for key, item in value.items():
                stored = dump_key(key, depth)
                plain = plain and type(stored) in (str, int)
                pairs.append((stored, dump_value(item, depth)))
        except Mismatch as misfit:
            raise misfit.under(step(key)) from None
        return dict(pairs) if plain else pairs

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (dict, list)):
            raise unlike(self.label, stored)
        loaded = {}
        key: Any = None
        load_key, load_value = self.key.load, self.value.load
        try:
            for key, item in stored.items() if isinstance(stored, dict) else stored:
                loaded[load_key(key)] = load_value(item)
        except Mismatch as misfit:
            raise misfit.under(step(key)) from None
        return loaded
