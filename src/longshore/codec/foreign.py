"""Classes that msgspec does not know, each with the plain value that stands for it in the store."""

from __future__ import annotations

import ipaddress
import pathlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from longshore.codec.mismatch import Mismatch


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
KNOWN: Final[dict[type, Foreign]] = {
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
BY_NAME: Final[dict[str, Foreign]] = {form.name: form for cls, form in KNOWN.items() if cls is not ZoneInfo}


def described(cls: type) -> Foreign | None:
    """How objects of exactly this class describe themselves, None where they cannot."""
    form = KNOWN.get(cls)
    return form if form is not None and form.name in BY_NAME else None
