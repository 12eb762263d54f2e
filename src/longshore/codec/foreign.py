"""Classes that msgspec does not know, each with the plain value that stands for it in the store.

pydantic models count among them once the user's own program has imported pydantic; it is never imported from here.
"""

from __future__ import annotations

import ipaddress
import pathlib
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from longshore.codec.mismatch import Mismatch, type_name


class Foreign(NamedTuple):
    """``plain`` gives the value that is stored, ``revive`` makes the object from it again."""

    name: str
    plain: Callable[[Any], Any]
    revive: Callable[[Any], Any]


def _zone_key(zone: ZoneInfo) -> str:
    if zone.key is None:
        raise Mismatch("a ZoneInfo made from a file has no name to store", storable=False)
    return str(zone.key)


_PATH: Final = Foreign("path", str, pathlib.Path)
_KNOWN: Final[dict[type, Foreign]] = {
    pathlib.Path: _PATH,
    type(pathlib.Path()): _PATH,
    pathlib.PurePath: Foreign("purepath", str, pathlib.PurePath),
    pathlib.PurePosixPath: Foreign("posixpath", str, pathlib.PurePosixPath),
    pathlib.PureWindowsPath: Foreign("windowspath", str, pathlib.PureWindowsPath),
    ipaddress.IPv4Address: Foreign("ipv4", str, ipaddress.IPv4Address),
    ipaddress.IPv6Address: Foreign("ipv6", str, ipaddress.IPv6Address),
    ipaddress.IPv4Network: Foreign("ipv4net", str, ipaddress.IPv4Network),
    ipaddress.IPv6Network: Foreign("ipv6net", str, ipaddress.IPv6Network),
    ipaddress.IPv4Interface: Foreign("ipv4if", str, ipaddress.IPv4Interface),
    ipaddress.IPv6Interface: Foreign("ipv6if", str, ipaddress.IPv6Interface),
    ZoneInfo: Foreign("zone", _zone_key, ZoneInfo),
    complex: Foreign("complex", lambda number: [number.real, number.imag], lambda parts: complex(*parts)),
}
#: What a stored value may name by itself. Not zones: looking one up reads a file, at the word of a message.
BY_NAME: Final[dict[str, Foreign]] = {form.name: form for cls, form in _KNOWN.items() if cls is not ZoneInfo}


def is_model(cls: type) -> bool:
    """Whether this class is a pydantic model."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, getattr(pydantic, "BaseModel", ()))


@cache
def _model(cls: type) -> Foreign:
    from longshore.codec.models import model_form

    return model_form(cls)


def foreign(cls: type) -> Foreign | None:
    """How objects of exactly this class are stored, None where that is not known."""
    known = _KNOWN.get(cls)
    if known is None and is_model(cls):
        return _model(cls)
    return known


def described(cls: type) -> Foreign | None:
    """As `foreign`, but only classes which a reader may make without the task's signature."""
    form = _KNOWN.get(cls)
    return form if form is not None and form.name in BY_NAME else None


def enc_hook(value: Any) -> Any:
    """msgspec's question: how is an object of a class unknown to it stored?"""
    form = foreign(type(value))
    if form is None:
        raise NotImplementedError(f"{type_name(type(value))} has no stored form")
    return form.plain(value)


def dec_hook(cls: type, stored: Any) -> Any:
    """msgspec's question: how is an object of this class made from what was stored?"""
    form = foreign(cls)
    if form is None:
        raise NotImplementedError(f"{type_name(cls)} has no stored form")
    return form.revive(stored)
