"""In Redis or Valkey."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from longshore.compat.huey.backends.store import StoreDataStore, StoreQueue
from longshore.compat.huey.exceptions import ConfigurationError
from longshore.suggest import did_you_mean

NAMESPACE: Final = "huey"
_CONNECTION: Final = (
    "host",
    "port",
    "db",
    "username",
    "password",
    "unix_socket_path",
    "ssl",
    "url",
    "namespace",
)
_APP: Final = ("lease", "sweep", "max_crashes", "keep", "max_args", "max_result", "clock")


class RedisQueue(StoreQueue):
    """A queue on the server at ``host`` and ``port``. Consumers hear of new commands at once; nothing is polled.

    host, port, db, username, password, unix_socket_path, ssl   where the server is, as redis-py calls it
    url          all of that in one, any that `longshore.App` takes for Redis (Sentinel and Cluster too)
    namespace    what its keys begin with (default: huey)
    lease, keep, max_crashes, …   see `longshore.App`

    ConfigurationError: an argument that is none of these.
    """

    def __init__(self, name: str, **connection: Any) -> None:
        where, options = _split(connection)
        super().__init__(name, redis_url(**where), **options)
        self.connection = where


class RedisBlockingQueue(RedisQueue):
    """The same: here every queue waits for what comes."""

    blocking = True


class RedisDataStore(StoreDataStore):
    """A data store on the server at ``host`` and ``port``; the arguments are those of `RedisQueue`."""

    def __init__(self, name: str, **connection: Any) -> None:
        where, options = _split(connection)
        super().__init__(name, redis_url(**where), **options)
        self.connection = where


def redis_url(
    *,
    host: str = "localhost",
    port: int = 6379,
    db: int = 0,
    username: str | None = None,
    password: str | None = None,
    unix_socket_path: str | None = None,
    ssl: bool = False,
    url: str | None = None,
    namespace: str | None = None,
) -> str:
    """Where that is, as a URL."""
    if url is not None:
        named = "namespace=" in url or namespace == ""
        return (
            url
            if named
            else f"{url}{'&' if '?' in url else '?'}namespace={quote(namespace or NAMESPACE, '')}"
        )
    login = ""
    if password is not None or username is not None:
        login = f"{quote(username or '', '')}:{quote(password or '', '')}@"
    space = f"namespace={quote(namespace or NAMESPACE, '')}"
    if unix_socket_path is not None:
        return f"unix://{login}{quote(unix_socket_path)}?db={db}&{space}"
    at = f"[{host}]" if ":" in host else host
    return f"{'rediss' if ssl else 'redis'}://{login}{at}:{port}/{db}?{space}"


def _split(connection: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What says where the server is, and what is for the app."""
    for name in connection:
        if name not in (*_CONNECTION, *_APP):
            near = did_you_mean(name, (*_CONNECTION, *_APP))
            raise ConfigurationError(
                f'a Redis backend has no argument "{name}"{near}; for anything else give url='
            )
    where = {name: value for name, value in connection.items() if name in _CONNECTION}
    return where, {name: value for name, value in connection.items() if name in _APP}
