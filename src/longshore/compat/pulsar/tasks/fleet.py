"""Several worker processes of one task queue, under the engine's supervisor."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final

from longshore.app import App
from longshore.errors import ConfigError
from longshore.model import Where
from longshore.worker.keeper import rescue
from longshore.worker.observer import Observer
from longshore.worker.supervisor import Supervisor

#: In the environment, not on the command line: the store's URL may hold a password.
VARIABLE: Final = "LONGSHORE_PULSAR_QUEUE"
_log = logging.getLogger("pulsar")


def run_fleet(settings: Mapping[str, Any], app: App, count: int) -> int:
    """Run so many until all have ended; the exit code. ConfigError: a memory store, which processes do not share."""
    if app.url.startswith("memory:"):
        raise ConfigError(
            f"workers={count} with {app.url}: processes do not share a memory store; use sqlite:///jobs.db, say"
        )

    def command(name: str, parent_fd: int) -> list[str]:
        return [sys.executable, "-m", "longshore.compat.pulsar.tasks", name, str(parent_fd)]

    def give_back(name: str, cause: str) -> None:
        rescue(app.store, Where(states=("running",), worker=name), cause, app.max_crashes, Observer())
        app.store.drop("worker", name)

    os.environ[VARIABLE] = json.dumps({"path": sys.path, "settings": settings})
    try:
        name = f"{socket.gethostname()}:{os.getpid()}"
        return Supervisor(count, name, command, give_back, _log.log).run()
    finally:
        del os.environ[VARIABLE]
