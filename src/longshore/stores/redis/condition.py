"""How a server is, for ``longshore doctor``."""

from __future__ import annotations

from typing import Final

from redis import exceptions

from longshore.stores.redis import checks
from longshore.stores.redis.dialer import Line, ask
from longshore.stores.redis.location import Location

_SETTINGS: Final = ("min-replicas-to-write", "maxmemory-policy", "appendfsync")


def condition(line: Line, where: Location) -> dict[str, str]:
    """INFO by name, with ``kept`` (yes or no), ``promise`` (a sentence), the settings and the state of a cluster."""
    found = dict(checks.information(line))
    kept, found["promise"] = checks.promise(line, where)
    found["kept"] = "yes" if kept else "no"
    for name in _SETTINGS:
        value = checks.setting(line, name)
        if value is not None:
            found[name] = value
    seconds, micros = ask(line, "TIME")
    found["clock"] = str(int(seconds) + int(micros) / 1e6)
    if found.get("cluster_enabled") == "1":
        found.update(_cluster(line))
    return found


def _cluster(line: Line) -> dict[str, str]:
    try:
        text: str = ask(line, "CLUSTER", "INFO").decode()
    except exceptions.ResponseError:
        return {}
    return dict(row.split(":", 1) for row in text.splitlines() if ":" in row)
