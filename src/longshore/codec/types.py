"""From an annotation to its shape."""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections import abc
from types import NoneType, UnionType
from typing import Any, Final

import msgspec

from longshore.codec.choices import EnumShape, LiteralShape, UnionShape
from longshore.codec.containers import Items, MappingShape, TupleShape
from longshore.codec.hooks import foreign
from longshore.codec.mismatch import type_name
from longshore.codec.records import FieldShape, NamedTupleShape, RecordShape, TypedDictShape
from longshore.codec.shape import LEAVES, AnyShape, Constrained, ForeignShape, Leaf, Shape

Substitutions = dict[Any, Any]

_SEQUENCES: Final = (abc.Sequence, abc.MutableSequence)
_COLLECTIONS: Final = (abc.Collection, abc.Iterable)
_SETS: Final = (abc.Set, abc.MutableSet)
_MAPPINGS: Final = (dict, abc.Mapping, abc.MutableMapping)


class Unsupported(Exception):
    """No value of this annotation has a stored form."""


def shape_of(annotation: Any) -> Shape:
    """The shape of one annotation, already resolved (no strings). Unsupported: says which part, and what to do."""
    return _Builder().build(annotation, {})


def expressible(annotation: Any) -> bool:
    """Whether msgspec can tell the members of this type apart in the store."""
    try:
        msgspec.msgpack.Decoder(annotation)
    except TypeError:
        return False
    return True


class _Builder:
    def __init__(self) -> None:
        self.open: dict[Any, Shape] = {}

    def build(self, annotation: Any, names: Substitutions) -> Shape:
        if annotation in (Any, object) or isinstance(
            annotation, typing.ParamSpecArgs | typing.ParamSpecKwargs
        ):
            return AnyShape()
        if annotation is None:
            annotation = NoneType
        leaf = LEAVES.get(annotation) if isinstance(annotation, type) else None
        if leaf is not None:
            return leaf
        if annotation is typing.LiteralString:
            return Leaf(str, "str", LEAVES[str].check, native=False)
        special = self._special(annotation, names)
        return self._class(annotation, names) if special is None else special

    def _special(self, annotation: Any, names: Substitutions) -> Shape | None:
        """What is no class: Annotated, unions, literals, type variables, new types, aliases."""
        origin, args = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self._annotated(annotation, args, names)
        if origin in (typing.Union, UnionType):
            return self._union(annotation, args, names)
        if origin is typing.Literal:
            return self._literal(annotation, args)
        if origin in (typing.Required, typing.NotRequired, typing.Final):
            return self.build(args[0], names)
        if isinstance(annotation, typing.TypeVar):
            return self._variable(annotation, names)
        if isinstance(annotation, typing.NewType):
            return self.build(annotation.__supertype__, names)
        if hasattr(annotation, "__value__"):  # a `type` statement of Python 3.12
            return self.build(annotation.__value__, names)
        return None

    def _annotated(self, annotation: Any, args: tuple[Any, ...], names: Substitutions) -> Shape:
        inner = self.build(args[0], names)
        return (
            Constrained(inner, annotation)
            if any(isinstance(arg, msgspec.Meta) for arg in args[1:])
            else inner
        )

    def _variable(self, annotation: typing.TypeVar, names: Substitutions) -> Shape:
        if annotation in names:
            return self.build(names[annotation], names)
        if annotation.__constraints__:
            return self._union(annotation, annotation.__constraints__, names)
        return AnyShape() if annotation.__bound__ is None else self.build(annotation.__bound__, names)

    def _union(self, annotation: Any, args: tuple[Any, ...], names: Substitutions) -> Shape:
        members = [self.build(arg, names) for arg in args]
        if any(isinstance(member, AnyShape) for member in members):
            return AnyShape()
        return UnionShape(
            members, native=all(member.native for member in members) and expressible(annotation)
        )

    def _literal(self, annotation: Any, args: tuple[Any, ...]) -> Shape:
        for arg in args:
            if not isinstance(arg, (str, int, bytes, bool, NoneType)) or isinstance(arg, enum.Enum):
                raise Unsupported(f"Literal[{arg!r}] has no stored form; declare the enum itself")
        return LiteralShape(args)

    def _class(self, annotation: Any, names: Substitutions) -> Shape:
        origin = typing.get_origin(annotation) or annotation
        args = typing.get_args(annotation)
        container = self._container(origin, args, names)
        if container is not None:
            return container
        if not isinstance(origin, type):
            raise Unsupported(f"{annotation!r} has no stored form")
        if issubclass(origin, enum.Enum):
            return EnumShape(origin)
        if foreign(origin) is not None:
            return ForeignShape(origin)
        return self._record(annotation, origin, args, names)

    def _container(self, origin: Any, args: tuple[Any, ...], names: Substitutions) -> Shape | None:
        if origin is tuple:
            return self._tuple(args, names)
        if origin in _MAPPINGS:
            key, value = args or (Any, Any)
            keys, values = self.build(key, names), self.build(value, names)
            return MappingShape(f"dict[{keys.label}, {values.label}]" if args else "dict", keys, values)
        known = _ITEMS.get(origin)
        if known is None:
            return None
        label, accepts, make, native = known
        item = self.build(args[0] if args else Any, names)
        return Items(f"{label}[{item.label}]" if args else label, item, accepts, make, native=native)

    def _tuple(self, args: tuple[Any, ...], names: Substitutions) -> Shape:
        if not args or (len(args) == 2 and args[1] is Ellipsis):
            item = self.build(args[0] if args else Any, names)
            return Items(f"tuple[{item.label}, ...]" if args else "tuple", item, (tuple,), tuple, native=True)
        return TupleShape([self.build(arg, names) for arg in args if arg != ()])

    def _record(self, annotation: Any, cls: type, args: tuple[Any, ...], names: Substitutions) -> Shape:
        if annotation in self.open:
            return self.open[annotation]
        kind = _record_kind(cls)
        if kind is None:
            raise Unsupported(
                f"{type_name(cls)} has no stored form; make it a dataclass, or pass its id and load it in the task"
            )
        shape = self.open[annotation] = kind(cls, _label(cls, args))
        inner = {**names, **dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))}
        hints = typing.get_type_hints(cls, include_extras=True)
        fields = [
            FieldShape(name, self.build(hints.get(name, Any), inner), argument, required)
            for name, argument, required in _fields(cls)
        ]
        # msgspec leaves out what begins with an underscore.
        public = not any(field.name.startswith("_") for field in fields)
        shape.fill(fields, native=public and expressible(annotation))
        return shape


_ITEMS: Final[dict[Any, tuple[str, tuple[type, ...], Any, bool]]] = {
    list: ("list", (list,), list, True),
    set: ("set", (set, frozenset), set, True),
    frozenset: ("frozenset", (set, frozenset), frozenset, True),
    **dict.fromkeys(_SEQUENCES, ("list or tuple", (list, tuple), list, True)),
    **dict.fromkeys(_COLLECTIONS, ("list, tuple or set", (list, tuple, set, frozenset), list, False)),
    **dict.fromkeys(_SETS, ("set", (set, frozenset), set, True)),
}


def _label(cls: type, args: tuple[Any, ...]) -> str:
    inner = ", ".join(type_name(arg) if isinstance(arg, type) else str(arg) for arg in args)
    return f"{type_name(cls)}[{inner}]" if args else type_name(cls)


def _record_kind(cls: type) -> type[RecordShape] | None:
    if typing.is_typeddict(cls):
        return TypedDictShape
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedTupleShape
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__") or issubclass(cls, msgspec.Struct):
        return RecordShape
    return None


def _fields(cls: Any) -> list[tuple[str, str | None, bool]]:
    """Name, name in the call, and whether it must be there, of every field."""
    if typing.is_typeddict(cls):
        return [(name, None, name in cls.__required_keys__) for name in cls.__annotations__]
    if issubclass(cls, msgspec.Struct):
        return [(field.name, field.name, field.required) for field in msgspec.structs.fields(cls)]
    if hasattr(cls, "_field_defaults"):
        return [(name, name, name not in cls._field_defaults) for name in cls._fields]
    if hasattr(cls, "__attrs_attrs__"):
        nothing = sys.modules["attr"].NOTHING
        return [(a.name, a.alias if a.init else None, a.default is nothing) for a in cls.__attrs_attrs__]
    missing = dataclasses.MISSING
    return [
        (
            field.name,
            field.name if field.init else None,
            field.default is missing and field.default_factory is missing,
        )
        for field in dataclasses.fields(cls)
    ]
