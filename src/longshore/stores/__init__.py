"""Stores, chosen by URL."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from longshore.errors import ConfigError
from longshore.stores.address import masked

if TYPE_CHECKING:
    from longshore.stores.base import Store

__all__ = ["open_store"]

_POSTGRES: Final = ("postgresql", "postgres")
_REDIS: Final = tuple(
    base + form for base in ("redis", "rediss", "valkey", "valkeys") for form in ("", "+sentinel", "+cluster")
)
_SCHEMES: Final = ("memory", "sqlite", *_POSTGRES, *_REDIS, "unix")
_KNOWN: Final = (
    "memory://",
    "sqlite:///FILE",
    "sqlite:////ABSOLUTE/FILE",
    "postgresql://USER:PASSWORD@HOST/DATABASE",
    "redis://HOST",
    "unix:///SOCKET",
)


def open_store(url: str, *, clock: Callable[[], float] | None = None) -> Store:
    """The store a URL names, not connected yet: its first call, or ``open()``, connects.

    ``clock`` gives the time instead of this machine's, for tests. Raises ConfigError.
    """
    scheme, found, rest = url.partition("://")
    if found and scheme == "memory":
        if rest:
            raise ConfigError(f"{url!r}: the memory store has no name and no options; write memory://")
        from longshore.stores.memory import MemoryStore

        return MemoryStore(url, clock)
    if found and scheme == "sqlite":
        from longshore.stores.sqlite import SqliteStore

        return SqliteStore(url, clock)
    if found and scheme in _POSTGRES:
        return _postgres(url, clock)
    if found and scheme in (*_REDIS, "unix"):
        return _redis(url, clock)
    raise _unknown(url, scheme if found else "")


def _postgres(url: str, clock: Callable[[], float] | None) -> Store:
    try:
        import psycopg  # noqa: F401 - whether it can be imported is the question; without libpq it cannot
    except ImportError as error:
        raise ConfigError(
            f'{masked(url)!r} needs the PostgreSQL driver: {error}\ninstall it: pip install "longshore[postgres]"'
        ) from None
    from longshore.stores.postgres import PostgresStore

    return PostgresStore(url, clock)


def _redis(url: str, clock: Callable[[], float] | None) -> Store:
    try:
        from longshore.stores.redis import RedisStore
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise ConfigError(
            f'{masked(url)!r} needs the redis driver\ninstall it: pip install "longshore[redis]"'
        ) from None
    return RedisStore(url, clock)


def _unknown(url: str, scheme: str) -> ConfigError:
    hint = ""
    if not scheme:
        hint = f"\nfor a SQLite file of this name write sqlite:///{masked(url)}" if url else "\nit is empty"
    elif near := get_close_matches(scheme.lower(), _SCHEMES, 1):
        hint = f"\ndid you mean {near[0]}:// ?"
    return ConfigError(f"{masked(url)!r} is not a store's URL\nknown: {', '.join(_KNOWN)}{hint}")
