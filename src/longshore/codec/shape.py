"""A declared type, as something that checks a value, stores it and reads it back.

Types that msgspec can do alone are ``native``: there its compiled code does the work and a shape only explains what was
wrong. For the others (``Path | str``, ``dict[str, Any]``, recursive classes) the shape does it, member by member.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from longshore.codec.foreign import described
from longshore.codec.hooks import dec_hook, foreign
from longshore.codec.mismatch import Mismatch, type_name, unlike
from longshore.codec.tags import check_aware, check_int, check_str, check_time, pack


class Shape:
    """``native`` says that msgspec can store and read the annotation by itself; ``label`` names it to people.

    ``certain`` says that what `dump` took comes back the same: no code of the user's own class has a say in it.
    """

    native = False
    certain = False
    label = "object"

    def dump(self, value: Any, depth: int) -> Any:
        """What msgspec stores for ``value``. Mismatch: the value does not fit."""
        raise NotImplementedError

    def load(self, stored: Any) -> Any:
        """The value again. Mismatch: what was stored does not fit, because the declared type has changed, say."""
        raise NotImplementedError


class AnyShape(Shape):
    """Nothing declared: the value describes itself."""

    label = "any value"
    certain = True

    def dump(self, value: Any, depth: int) -> Any:
        return pack(value, depth)

    def load(self, stored: Any) -> Any:
        return stored


class NoShape(Shape):
    """A type without a stored form, of a parameter that has a default: the function may be enqueued without it."""

    def __init__(self, why: str) -> None:
        self.why = why

    def dump(self, value: Any, depth: int) -> Any:
        raise Mismatch(self.why, storable=False)

    def load(self, stored: Any) -> Any:
        raise Mismatch(self.why)


class Leaf(Shape):
    """A scalar. ``check`` gives the value to store, or raises Mismatch."""

    certain = True

    def __init__(self, cls: Any, label: str, check: Callable[[Any], Any], *, native: bool = True) -> None:
        self.cls = cls
        self.label = label
        self.check = check
        self.native = native

    def dump(self, value: Any, depth: int) -> Any:
        return self.check(value)

    def load(self, stored: Any) -> Any:
        return stored if type(stored) is self.cls else converted(stored, self.cls)


class Constrained(Shape):
    """``Annotated[int, Meta(gt=0)]``: a shape, and what msgspec checks besides."""

    def __init__(self, inner: Shape, annotation: Any) -> None:
        self.inner = inner
        self.annotation = annotation
        self.native = inner.native
        self.certain = inner.certain
        self.label = inner.label

    def dump(self, value: Any, depth: int) -> Any:
        stored = self.inner.dump(value, depth)
        if self.native:
            converted(value, self.annotation)
        return stored

    def load(self, stored: Any) -> Any:
        return converted(stored, self.annotation) if self.native else self.inner.load(stored)


class ForeignShape(Shape):
    """A class from `foreign`: Path, IPv4Address, a pydantic model."""

    native = True

    def __init__(self, cls: type) -> None:
        form = foreign(cls)
        if form is None:
            raise Mismatch(f"{type_name(cls)} has no stored form")
        self.cls = cls
        self.label = type_name(cls)
        self.form = form
        self.certain = described(cls) is not None

    def dump(self, value: Any, depth: int) -> Any:
        # A subclass would come back as its base: only pathlib makes one behind the user's back (PosixPath).
        if type(value) is not self.cls and foreign(type(value)) is not self.form:
            raise unlike(self.label, value)
        return self.form.plain(value)

    def load(self, stored: Any) -> Any:
        if type(stored) is self.cls:
            return stored
        try:
            return self.form.revive(stored)
        except (TypeError, ValueError) as error:
            raise Mismatch(f"no {self.label}: {error}") from None


def converted(stored: Any, annotation: Any) -> Any:
    """msgspec's strict conversion, its complaint as a Mismatch."""
    try:
        return msgspec.convert(stored, annotation, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        raise translated(error) from None


def translated(error: msgspec.ValidationError) -> Mismatch:
    """What msgspec says about a value, and where."""
    text = str(error).replace("`", "")
    text, _, path = text.partition(" - at $")
    return Mismatch(text[:1].lower() + text[1:]).under(path)


def _instance(label: str, *classes: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, classes):
            raise unlike(label, value)
        return value

    return check


# The checks give exactly the declared class: msgspec stores no subclass, and a str of some template engine is a str.


def _check_int(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise unlike("int", value)
    return check_int(int.__int__(value))


def _check_float(value: Any) -> float:
    if isinstance(value, float):
        return float.__float__(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise unlike("float", value)
    if abs(value) > 2**1023 or float(value) != value:
        raise Mismatch("this integer is too large to become a float unchanged")
    return float(value)


def _check_str(value: Any) -> str:
    if not isinstance(value, str):
        raise unlike("str", value)
    return check_str(str.__str__(value))


def _check_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise unlike("bytes", value)
    return bytes(value)


def _check_datetime(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise unlike("datetime", value)
    if type(value) is not datetime:
        value = datetime.combine(date(value.year, value.month, value.day), value.timetz())
    return value if value.tzinfo is None else check_aware(value)


def _check_date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise unlike("date", value)
    return value if type(value) is date else date(value.year, value.month, value.day)


def _check_time(value: Any) -> time:
    if not isinstance(value, time):
        raise unlike("time", value)
    return check_time(value)


def _check_decimal(value: Any) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(check_int(value))
    if not isinstance(value, Decimal):
        raise unlike("Decimal", value)
    return value if type(value) is Decimal else Decimal(value)


def _check_none(value: Any) -> None:
    if value is not None:
        raise unlike("None", value)


LEAVES: Final[dict[Any, Leaf]] = {
    leaf.cls: leaf
    for leaf in (
        Leaf(type(None), "None", _check_none),
        Leaf(bool, "bool", _instance("bool", bool)),
        Leaf(int, "int", _check_int),
        Leaf(float, "float", _check_float),
        Leaf(str, "str", _check_str),
        Leaf(bytes, "bytes", _check_bytes),
        Leaf(bytearray, "bytearray", _instance("bytearray", bytes, bytearray)),
        Leaf(datetime, "datetime", _check_datetime),
        Leaf(date, "date", _check_date),
        # Not native: == does not see that the zone of a time of day was lost.
        Leaf(time, "time", _check_time, native=False),
        Leaf(timedelta, "timedelta", _instance("timedelta", timedelta)),
        Leaf(Decimal, "Decimal", _check_decimal),
        Leaf(UUID, "UUID", _instance("UUID", UUID)),
    )
}
