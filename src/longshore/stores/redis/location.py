"""URLs of Redis and Valkey: one server, a Sentinel group or a Cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from longshore.errors import ConfigError
from longshore.stores.address import masked, unencoded

Kind = Literal["server", "sentinel", "cluster"]

NAMESPACE: Final = "longshore"
TIMEOUT: Final = 5.0
_PORTS: Final[Mapping[Kind, int]] = {"server": 6379, "sentinel": 26379, "cluster": 6379}
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9._:/-]{1,100}")
_OPTIONS: Final = ("namespace", "timeout", "db", "replicas", "username", "password")
_SENTINEL: Final = ("sentinel_username", "sentinel_password")
_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_FILES: Final = frozenset(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"))
_REQUIRED: Final = ("required", "optional", "none")


class Location(NamedTuple):
    """Where the servers are and how to speak to them."""

    #: without the passwords
    url: str
    kind: Kind
    tls: bool
    #: host and port of each, or none for a socket
    addresses: tuple[tuple[str, int], ...]
    path: str | None
    #: the group's name, for Sentinel
    master: str
    #: what every data connection is made with
    options: Mapping[str, Any]
    #: what every connection to a Sentinel is made with
    sentinel: Mapping[str, Any]
    namespace: str
    timeout: float
    #: how many replicas must have new jobs before they are acknowledged
    replicas: int

    def __repr__(self) -> str:
        # A debugger or an error tracker prints what a frame holds, and that must not be the password.
        return f"Location({self.url!r})"

    @property
    def prefix(self) -> str:
        """What every key begins with: one hash tag, so that a cluster keeps them together."""
        return f"{{{self.namespace}}}:"


def parse(url: str) -> Location:
    """Take a URL apart; ConfigError, which names the part, where it cannot be one."""
    shown = masked(url)
    try:
        parts = urlsplit(url)
        if parts.fragment:
            _refuse(shown, "it has a '#'; write %23 where a password has one")
        if wrong := unencoded(url):
            _refuse(shown, wrong)
        base, _, form = parts.scheme.partition("+")
        kind = _kind(form)
        tls = base in ("rediss", "valkeys")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        _check_options(shown, options, kind, tls)
        path, addresses, master, db = _where(shown, parts, kind, options)
        user, password = _login(parts, options)
        timeout = _timeout(shown, options)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{shown!r} cannot be read: {error}") from None
    common = {"socket_timeout": timeout, "socket_connect_timeout": timeout} | _tls(shown, options)
    return Location(
        url=shown,
        kind=kind,
        tls=tls,
        addresses=addresses,
        path=path,
        master=master,
        options=common | {"username": user, "password": password, "db": db},
        sentinel=common | {name[9:]: options.get(name) for name in _SENTINEL},
        namespace=_namespace(shown, options),
        timeout=timeout,
        replicas=_replicas(shown, options),
    )


def _refuse(shown: str, why: str) -> NoReturn:
    raise ConfigError(f"{shown!r}: {why}")


def _kind(form: str) -> Kind:
    return "sentinel" if form == "sentinel" else "cluster" if form == "cluster" else "server"


def _check_options(shown: str, options: Mapping[str, str], kind: Kind, tls: bool) -> None:
    known = _OPTIONS + (_SENTINEL if kind == "sentinel" else ()) + (_TLS if tls else ())
    for name in options:
        if name not in known:
            _refuse(shown, f"unknown option {name!r}; there are {', '.join(known)}")


def _where(
    shown: str, parts: SplitResult, kind: Kind, options: Mapping[str, str]
) -> tuple[str | None, tuple[tuple[str, int], ...], str, int]:
    """Path, addresses, master's name, database."""
    if parts.scheme == "unix":
        path = unquote(parts.path)
        if not path or parts.hostname:
            _refuse(shown, "a socket's URL has three slashes: unix:///run/valkey.sock")
        return path, (), "", _db(shown, options.get("db", "0"))
    steps = [unquote(step) for step in parts.path.split("/")[1:] if step]
    master = ""
    if kind == "sentinel":
        if not steps:
            _refuse(shown, "name the group: redis+sentinel://host1,host2/mymaster/0")
        master = steps.pop(0)
    if len(steps) > 1:
        _refuse(shown, "after the host comes a database number, and nothing else")
    db = _db(shown, steps[0] if steps else options.get("db", "0"))
    if kind == "cluster" and db:
        _refuse(shown, "a cluster has only database 0; ?namespace=NAME keeps things apart")
    return None, _addresses(shown, parts, _PORTS[kind]), master, db


def _addresses(shown: str, parts: SplitResult, port: int) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for one in parts.netloc.rpartition("@")[2].split(","):
        host = urlsplit(f"//{one}")
        found.append((host.hostname or "localhost", host.port or port))
    if len(found) > 1 and "+" not in parts.scheme:
        _refuse(shown, "several hosts: write redis+sentinel://h1,h2/master/0 or redis+cluster://h1,h2")
    return tuple(found)


def _login(parts: SplitResult, options: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Before the host, or as options."""
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return (
        unquote(user) or options.get("username") or None,
        unquote(password) or options.get("password") or None,
    )


def _db(shown: str, written: str) -> int:
    if not written.isdecimal():
        _refuse(
            shown, f"the database is a number, not {written!r}; ?namespace=NAME keeps things apart by name"
        )
    return int(written)


def _timeout(shown: str, options: Mapping[str, str]) -> float:
    written = options.get("timeout", str(TIMEOUT))
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        _refuse(shown, f"timeout={written!r} is no number of seconds between 0 and 3600")
    return seconds


def _replicas(shown: str, options: Mapping[str, str]) -> int:
    written = options.get("replicas", "0")
    if not written.isdecimal() or int(written) > 100:
        _refuse(shown, f"replicas={written!r} is no number of replicas between 0 and 100")
    return int(written)


def _namespace(shown: str, options: Mapping[str, str]) -> str:
    name = options.get("namespace", NAMESPACE)
    if not _NAMESPACE.fullmatch(name):
        _refuse(shown, f"namespace={name!r}: letters, digits and . _ - : / only, at most 100")
    return name


def _tls(shown: str, options: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: options[name] for name in _TLS if name in options}
    for name in _FILES & found.keys():
        if not os.path.isfile(found[name]):
            _refuse(shown, f"{name}={found[name]!r} is no file")
    if ("ssl_certfile" in found) != ("ssl_keyfile" in found):
        _refuse(shown, "a certificate of ours is two files: ssl_certfile and ssl_keyfile")
    if found.get("ssl_cert_reqs", "required") not in _REQUIRED:
        _refuse(shown, f"ssl_cert_reqs is one of {', '.join(_REQUIRED)}")
    if "ssl_check_hostname" in found:
        if found["ssl_check_hostname"] not in ("true", "false"):
            _refuse(shown, "ssl_check_hostname is true or false")
        found["ssl_check_hostname"] = found["ssl_check_hostname"] == "true"
    return found
