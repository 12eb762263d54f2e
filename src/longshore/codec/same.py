"""Whether what comes back is what was given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


def same(given: Any, back: Any) -> bool:
    """Whether ``back`` stands for the same value. Looks inside where ``==`` alone says no: NaN, classes without it."""
    if given is back:
        return True
    if isinstance(given, float) and isinstance(back, float):
        return given == back or (given != given and back != back)
    if isinstance(given, Decimal):
        return isinstance(back, Decimal) and str(given) == str(back)
    if isinstance(given, datetime) and given.tzinfo is not None:
        # Not ==, which calls a time in the hour that repeats in autumn unequal to all times of other zones.
        return (
            isinstance(back, datetime) and back.tzinfo is not None and given.timestamp() == back.timestamp()
        )
    if isinstance(given, AbstractSet) and isinstance(back, list):  # declared as Iterable
        return set(back) == given
    return _same_inside(given, back) if _is_compound(given) else bool(given == back)


def _is_compound(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping)) or _fields(value) is not None


def _same_inside(given: Any, back: Any) -> bool:
    if isinstance(given, Mapping):
        return isinstance(back, Mapping) and _same_all(given.items(), back.items())
    if isinstance(given, (list, tuple)):
        return isinstance(back, (list, tuple)) and _same_all(given, back)
    names = _fields(given) or ()
    return type(given) is type(back) and all(
        same(getattr(given, name), getattr(back, name)) for name in names
    )


def _same_all(given: Iterable[Any], back: Iterable[Any]) -> bool:
    left, right = list(given), list(back)
    return len(left) == len(right) and all(map(same, left, right))


def _fields(value: Any) -> Iterable[str] | None:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    attributes = getattr(type(value), "__attrs_attrs__", None)
    return None if attributes is None else [attribute.name for attribute in attributes]
