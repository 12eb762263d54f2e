"""Lists, sets, tuples and mappings of declared types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from longshore.codec.mismatch import Mismatch, deeper, step, unlike
from longshore.codec.shape import Shape
from longshore.codec.tags import encode


def dump_items(values: Sequence[Any], shapes: Sequence[Shape], depth: int) -> list[Any]:
    stored = []
    for index, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        try:
            stored.append(shape.dump(value, depth))
        except Mismatch as misfit:
            raise misfit.under(f"[{index}]") from None
    return stored


def load_items(stored: Any, shapes: Sequence[Shape]) -> list[Any]:
    loaded = []
    for index, (item, shape) in enumerate(zip(stored, shapes, strict=True)):
        try:
            loaded.append(shape.load(item))
        except Mismatch as misfit:
            raise misfit.under(f"[{index}]") from None
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

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, self.accepts):
            raise unlike(self.label, value)
        items = list(value)
        stored = dump_items(items, [self.item] * len(items), deeper(depth))
        return sorted(stored, key=encode) if isinstance(value, AbstractSet) else stored

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (list, tuple, set, frozenset)):
            raise unlike(self.label, stored)
        return self.make(load_items(stored, [self.item] * len(stored)))


class TupleShape(Shape):
    """A tuple of fixed length."""

    def __init__(self, items: Sequence[Shape]) -> None:
        self.label = f"tuple[{', '.join(item.label for item in items)}]"
        self.items = items
        self.native = all(item.native for item in items)

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

    def dump(self, value: Any, depth: int) -> Any:
        if not isinstance(value, Mapping):
            raise unlike(self.label, value)
        depth = deeper(depth)
        # As pairs, because what stands for a key in the store need not be hashable.
        pairs = []
        for key, item in value.items():
            try:
                pairs.append((self.key.dump(key, depth), self.value.dump(item, depth)))
            except Mismatch as misfit:
                raise misfit.under(step(key)) from None
        return dict(pairs) if all(type(key) in (str, int) for key, _ in pairs) else pairs

    def load(self, stored: Any) -> Any:
        if not isinstance(stored, (dict, list)):
            raise unlike(self.label, stored)
        loaded = {}
        for key, item in stored.items() if isinstance(stored, dict) else stored:
            try:
                loaded[self.key.load(key)] = self.value.load(item)
            except Mismatch as misfit:
                raise misfit.under(step(key)) from None
        return loaded
