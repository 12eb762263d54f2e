"""Makes connections to the server that has our keys now, wherever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar, cast

from redis import exceptions
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from longshore.stores.redis.location import Location

T = TypeVar("T")
_ERRORS: Final = (exceptions.RedisError, OSError)


class Line(Protocol):
    """What we use of the driver's connections."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def pack_command(self, *words: Any) -> Sequence[bytes]: ...
    def send_packed_command(self, command: Sequence[bytes]) -> None: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def read_response(self) -> Any: ...


def ask(line: Line, *words: Any) -> Any:
    """One command and its answer."""
    line.send_packed_command(line.pack_command(*words))
    return line.read_response()


def place_of(line: Line) -> tuple[str, int] | None:
    """Host and port of the server at the other end; none for a socket."""
    return (line.host, line.port) if isinstance(line, Connection) else None


def dial(where: Location) -> Line:
    """A new connection, ready for use. Raises what the driver raises."""
    if where.path is not None:
        line = _line(UnixDomainSocketConnection, {"path": where.path, **where.options})
        line.connect()
        return line
    if where.kind == "sentinel":
        address = _first(where, where.sentinel, lambda line: master(line, where.master))
    elif where.kind == "cluster":
        address = _first(where, where.options, lambda line: _owner(line, where.prefix))
    else:
        address = where.addresses[0]
    return reach(where, address, where.options)


def _line(kind: Callable[..., Any], options: dict[str, Any]) -> Line:
    # Version 2 of the protocol: its answers are the same with every driver and server we support. Nothing is tried
    # again behind our back: whoever calls knows what may be repeated.
    return cast("Line", kind(protocol=2, retry=Retry(NoBackoff(), 0), **options))


def reach(where: Location, address: tuple[str, int], options: Any) -> Line:
    """A new connection to this server or Sentinel."""
    kind = SSLConnection if where.tls else Connection
    line = _line(kind, {"host": address[0], "port": address[1], "socket_keepalive": True, **options})
    line.connect()
    return line


def _first(where: Location, options: Any, look: Callable[[Line], T | None]) -> T:
    """The first answer any of the addresses gives."""
    trouble: Exception = exceptions.ConnectionError("no address")
    for address in where.addresses:
        try:
            line = reach(where, address, options)
            try:
                found = look(line)
            finally:
                line.disconnect()
        except _ERRORS as error:
            trouble = error
            continue
        if found is not None:
            return found
    if isinstance(trouble, exceptions.ConnectionError) and str(trouble) == "no address":
        trouble = exceptions.ConnectionError(
            f"no primary for {where.master or where.namespace!r} is known there"
        )
    raise trouble


def master(line: Line, name: str) -> tuple[str, int] | None:
    """Host and port of a group's primary, as this Sentinel knows it."""
    found = ask(line, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    return None if found is None else (found[0].decode(), int(found[1]))


def _owner(line: Line, prefix: str) -> tuple[str, int] | None:
    """Host and port of the primary that has our slot."""
    slot = ask(line, "CLUSTER", "KEYSLOT", prefix)
    for first, last, primary, *_ in ask(line, "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            # A node that does not know its own address, or has no name to tell, means the one we asked.
            host = primary[0].decode() if primary[0] not in (None, b"", b"?") else cast("Any", line).host
            return host, primary[1]
    return None
