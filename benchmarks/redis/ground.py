"""Redis or Valkey: one server on a Unix socket for the run, a namespace for each place.

BENCHMARKS_REDIS_URL: another server's socket, with nothing else on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

import redis

from benchmarks.figure import Goal
from benchmarks.ground import Place, app_at
from benchmarks.machine import processor as used
from benchmarks.redis.floor import RedisFloor
from benchmarks.servers import valkey

NAME = "redis"
GOALS = {
    "single": Goal("ratio", ">=", 1 / 1.5),
    "callers": Goal("ratio", ">=", 3.0),
    "bulk": Goal("ratio", ">=", 1 / 2),
    "async": Goal("ratio", ">=", 1 / 2),
    "start": Goal("value", "<=", 0.5),
}
#: what our clients send
_ASKED = ("evalsha", "eval", "publish", "subscribe", "ping", "time")
_numbers = count(1)
_running: list[valkey.Valkey] = []
_at: list[str] = []


@contextmanager
def started() -> Iterator[None]:
    if given := os.environ.get("BENCHMARKS_REDIS_URL"):
        _at[:] = [given]
        yield
        return
    with valkey.valkey(**{"maxmemory-policy": "noeviction"}) as server:
        _running.append(server)
        _at[:] = [server.url]
        yield
        _running.clear()


def _client() -> redis.Redis:
    return redis.Redis(unix_socket_path=urlsplit(_at[0]).path)


@contextmanager
def place() -> Iterator[Place]:
    name = f"place{next(_numbers)}"
    url = f"{_at[0]}?namespace={name}"
    try:
        with app_at(url) as app:
            yield Place(app, url)
    finally:
        client = _client()
        client.unlink(
            *[key for key in client.scan_iter(count=1000) if f"{{{name}}}".encode() in key] or ["-"]
        )
        client.close()


def floor(url: str) -> RedisFloor:
    return RedisFloor(url)


def processor() -> float:
    return used(_running[0].pid) if _running else 0.0


def size(url: str) -> int:
    """Memory of everything on the server: nothing else is there."""
    client = _client()
    used: int = client.info("memory")["used_memory_dataset"]
    client.close()
    return used


def calls(url: str) -> int:
    """Commands of clients, not those of scripts."""
    client = _client()
    found = client.info("commandstats")
    client.close()
    return sum(found[f"cmdstat_{name}"]["calls"] for name in _ASKED if f"cmdstat_{name}" in found)


def unanalyzed(url: str) -> None:
    """Nothing is analyzed."""


def version() -> str:
    client = _client()
    info: dict[str, str] = client.info("server")
    client.close()
    name = "Valkey" if "valkey_version" in info else "Redis"
    return f"{name} {info.get('valkey_version', info['redis_version'])}, redis-py {redis.__version__}"
