"""Values that describe themselves: what an unannotated parameter carries comes back with its types.

Plain msgpack has no tuple, set, date or Decimal. Where no annotation says what a value was, these travel as extension
types; scalars, lists and dicts stay plain. Objects of other classes are refused: a store must never choose a class.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.msgpack import Ext

from longshore.codec.foreign import BY_NAME, described
from longshore.codec.mismatch import Mismatch, deeper, step, type_name

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**64 - 1
# What these numbers mean is part of the stored format: they are added to, never changed.
TUPLE, SET, FROZENSET, PAIRS, CHOICE, FOREIGN, BYTEARRAY = 1, 2, 3, 4, 5, 6, 7
DATETIME, DATE, TIME, TIMEDELTA, DECIMAL, UUID_ = 8, 9, 10, 11, 12, 13

encode: Final = msgspec.msgpack.Encoder().encode
_AS_IS: Final = frozenset({type(None), bool, float, bytes})
_PLAIN_KEYS: Final = frozenset({str, int, float, bool, bytes, type(None)})


class Choice(NamedTuple):
    """The member of a union that a value was, by its label."""

    label: str
    stored: Any


def check_int(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise Mismatch("an integer beyond 64 bits has no stored form; pass it as str", storable=False)
    return value


def check_str(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Mismatch("text with a lone surrogate has no stored form", storable=False) from None
    return value


def check_aware(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except (OverflowError, ValueError):
        raise Mismatch(
            "a time outside the years 1 to 9999 of UTC has no stored form", storable=False
        ) from None


def check_time(value: time) -> time:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Mismatch("a time of day in a zone of changing offset has no stored form", storable=False)
    return value


def pack(value: Any, depth: int = 0) -> Any:
    """The value as msgspec stores it without losing a type. Mismatch: it has no stored form; says where."""
    packer = _PACKERS.get(type(value))
    return _pack_other(value) if packer is None else packer(value, depth)


def pack_lenient(value: Any, depth: int = 0) -> Any:
    """As `pack`, with the members of enums as their values: for data which a model reads back."""
    if isinstance(value, enum.Enum):
        return pack_lenient(value.value, depth)
    if type(value) is dict:
        return {key: pack_lenient(item, deeper(depth)) for key, item in value.items()}
    if type(value) is list:
        return [pack_lenient(item, deeper(depth)) for item in value]
    return pack(value, depth)


def choice(label: str, stored: Any) -> Ext:
    return Ext(CHOICE, encode([label, stored]))


def _pack_other(value: Any) -> Any:
    form = described(type(value))
    if form is not None:
        return Ext(FOREIGN, encode([form.name, form.plain(value)]))
    name = type_name(type(value))
    raise Mismatch(
        f"{name} is not stored without being declared; annotate the parameter with its type", storable=False
    )


def _as_is(value: Any, depth: int) -> Any:
    return value


def _pack_list(value: list[Any], depth: int) -> list[Any]:
    depth = deeper(depth)
    packed: list[Any] = []
    try:
        for item in value:
            if type(item) in _AS_IS or (type(item) is str and item.isascii()):
                packed.append(item)
            else:
                packed.append(pack(item, depth))
    except Mismatch as misfit:
        raise misfit.under(f"[{len(packed)}]") from None
    return packed


def _pack_dict(value: dict[Any, Any], depth: int) -> Any:
    depth = deeper(depth)
    packed = {}
    key: Any = None
    try:
        for key, item in value.items():
            if type(key) not in _PLAIN_KEYS:
                return _pack_pairs(value, depth)
            if type(key) is str and not key.isascii():
                check_str(key)
            elif type(key) is int:
                check_int(key)
            packed[key] = item if type(item) in _AS_IS else pack(item, depth)
    except Mismatch as misfit:
        raise misfit.under(step(key)) from None
    return packed


def _pack_pairs(value: dict[Any, Any], depth: int) -> Ext:
    """A dict whose keys are not all plain: what stands for a key need not be hashable."""
    packed = []
    for key, item in value.items():
        try:
            packed.append((pack(key, depth), pack(item, depth)))
        except Mismatch as misfit:
            raise misfit.under(step(key)) from None
    return Ext(PAIRS, encode(packed))


def _pack_tuple(value: tuple[Any, ...], depth: int) -> Ext:
    return Ext(TUPLE, encode(_pack_list(list(value), depth)))


def _set(code: int) -> Callable[[Any, int], Ext]:
    # Sorted by what is stored: equal sets have equal bytes in every process.
    return lambda value, depth: Ext(code, encode(sorted(_pack_list(list(value), depth), key=encode)))


def _text(code: int, form: Callable[[Any], str]) -> Callable[[Any, int], Ext]:
    return lambda value, depth: Ext(code, form(value).encode())


def _pack_datetime(value: datetime, depth: int) -> Any:
    # An aware one is the instant, which msgpack has a type for; a naive one is what the clock on the wall said.
    return Ext(DATETIME, value.isoformat().encode()) if value.tzinfo is None else check_aware(value)


def _pack_timedelta(value: timedelta, depth: int) -> Ext:
    return Ext(TIMEDELTA, encode([value.days, value.seconds, value.microseconds]))


_PACKERS: Final[dict[type, Callable[[Any, int], Any]]] = {
    **dict.fromkeys(_AS_IS, _as_is),
    int: lambda value, depth: check_int(value),
    str: lambda value, depth: check_str(value),
    list: _pack_list,
    dict: _pack_dict,
    tuple: _pack_tuple,
    set: _set(SET),
    frozenset: _set(FROZENSET),
    bytearray: lambda value, depth: Ext(BYTEARRAY, bytes(value)),
    datetime: _pack_datetime,
    date: _text(DATE, date.isoformat),
    time: lambda value, depth: Ext(TIME, check_time(value).isoformat().encode()),
    timedelta: _pack_timedelta,
    Decimal: _text(DECIMAL, str),
    UUID: lambda value, depth: Ext(UUID_, value.bytes),
}


def decode(data: bytes | memoryview) -> Any:
    """The value that `encode` stored, extension types revived."""
    return _decoder.decode(data)


def _revive_foreign(data: memoryview) -> Any:
    name, plain = decode(data)
    return BY_NAME[name].revive(plain)


def _text_of(data: memoryview) -> str:
    return str(data, "utf-8")


_REVIVERS: Final[dict[int, Callable[[memoryview], Any]]] = {
    TUPLE: lambda data: tuple(decode(data)),
    SET: lambda data: set(decode(data)),
    FROZENSET: lambda data: frozenset(decode(data)),
    PAIRS: lambda data: dict(decode(data)),
    CHOICE: lambda data: Choice(*decode(data)),
    FOREIGN: _revive_foreign,
    BYTEARRAY: bytearray,
    DATETIME: lambda data: datetime.fromisoformat(_text_of(data)),
    DATE: lambda data: date.fromisoformat(_text_of(data)),
    TIME: lambda data: time.fromisoformat(_text_of(data)),
    TIMEDELTA: lambda data: timedelta(*decode(data)),
    DECIMAL: lambda data: Decimal(_text_of(data)),
    UUID_: lambda data: UUID(bytes=bytes(data)),
}


def ext_hook(code: int, data: memoryview) -> Any:
    """msgspec's question: what does this extension type mean?"""
    reviver = _REVIVERS.get(code)
    if reviver is None:
        raise ValueError(f"unknown extension type {code}: stored by a newer release?")
    return reviver(data)


_decoder: Final = msgspec.msgpack.Decoder(ext_hook=ext_hook)
