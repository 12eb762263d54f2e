"""URLs of servers for people: without their passwords, also where the URL was written wrongly."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

#: options whose values nobody may see
_SECRET: Final = re.compile(
    r"(?i)((?:^|[?&\s])[^=?&\s]*(?:pass|pwd|secret|token)[^=?&\s]*=)('[^']*'|[^&#\s]*)"
)
_HOSTS: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?")


def masked(url: str) -> str:
    """The URL without its passwords. A password that was not encoded may hold any character: rather too much is hidden."""
    scheme, found, rest = url.partition("://")
    if not found:
        scheme, rest = "", url
    if _misplaced(rest) is None:
        authority = _authority(rest)
        login, at, host = authority.rpartition("@")
        place = host + rest[len(authority) :]
    else:
        login, at, place = rest.rpartition("@")
    place = _SECRET.sub(r"\1***", place)
    return f"{scheme}{found}{_login(scheme, login)}{at}{place}"


def _login(scheme: str, login: str) -> str:
    user, colon, _ = login.partition(":")
    # Who names no user for Redis meant to give a password.
    if login and not colon and scheme.startswith(("redis", "valkey", "unix")):
        return "***"
    # What ended the name before a colon came was not meant to be one.
    user = re.split(r"[/?#]", user, maxsplit=1)[0]
    return f"{user}{':***' if colon else ''}"


def unencoded(url: str, once: bool = False) -> str | None:
    """What to say where a character of the user or the password ends them too early; None: nothing of the kind.

    ``once``: the driver takes the first '@' for the end, so a second one is wrong, too.
    """
    rest = url.partition("://")[2]
    found = _misplaced(rest)
    if found is None and once and _authority(rest).count("@") > 1:
        found = "@"
    if found is None:
        return None
    return f"a user or a password with {found!r} in it is written with {quote(found, safe='')} in its place"


def _authority(rest: str) -> str:
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def _misplaced(rest: str) -> str | None:
    """The character that ended the login, if an '@' comes only after it."""
    authority = _authority(rest)
    left = rest[len(authority) :]
    if not authority or "@" not in left:
        return None
    path = re.split(r"[?#]", left, maxsplit=1)[0]
    if "@" in path:
        return left[0]
    # Only an option or a fragment has one: that may be so, unless what should be a host and a port is none.
    if "@" in authority or all(_HOSTS.fullmatch(one) for one in authority.split(",")):
        return None
    return left[0]
