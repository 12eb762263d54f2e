"""How a worker of this project is started as a process of its own."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from longshore.errors import ConfigError

APP: Final = "longshore.integrations.django.main:app"
#: In the environment of a worker that Django started, and of all it starts in turn: they start none themselves.
MARK: Final = "LONGSHORE_SUPERVISED"
#: What the service manager says to Django is not meant for the worker; nor is the reloader's mark.
_NOT_PASSED_ON: Final = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "RUN_MAIN", "WERKZEUG_RUN_MAIN")
#: Would be read as options of the worker.
_OPTIONS: Final = "LONGSHORE_WORKER_"


def command(name: str, parent_fd: int, concurrency: int, queues: Sequence[str] | None) -> list[str]:
    """The words that start a worker which ends when the pipe ``parent_fd`` does. ConfigError: there is no Python here."""
    served = [] if queues is None else ["-q", ",".join(queues)]
    watched = ["--name", name, "--parent-fd", str(parent_fd)]
    return [python(), "-m", "longshore", "worker", APP, "-c", str(concurrency), *served, *watched]


def python() -> str:
    """The Python that runs us: inside a server that embeds it, ``sys.executable`` may be that server."""
    if Path(sys.executable or "").name.startswith(("python", "pypy")):
        return sys.executable
    for prefix in (sys.prefix, sys.base_prefix):
        for name in (f"python{sys.version_info[0]}.{sys.version_info[1]}", "python3", "python"):
            path = Path(prefix) / "bin" / name
            if os.access(path, os.X_OK):
                return str(path)
    raise ConfigError(
        f"no python in {sys.prefix}/bin to run a worker with (this process is {sys.executable!r})"
    )


def environment() -> dict[str, str]:
    """Ours, with what the worker needs to find the project. ConfigError: its settings are in no module."""
    module = getattr(settings, "SETTINGS_MODULE", None)
    if not module:
        raise ConfigError(
            "settings made by settings.configure() cannot be passed on to a worker\n"
            "put them into a module and name it in DJANGO_SETTINGS_MODULE"
        )
    given = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_PASSED_ON and not name.startswith(_OPTIONS)
    }
    return {**given, "DJANGO_SETTINGS_MODULE": module, "PYTHONPATH": os.pathsep.join(_path(given)), MARK: "1"}


def _path(given: Mapping[str, str]) -> list[str]:
    """Where we import from, without what any Python adds by itself: a task may start one of another version."""
    own = {os.path.realpath(folder) for folder in _of_python()}
    folders = [os.path.abspath(folder) if folder else os.getcwd() for folder in sys.path]
    folders += filter(None, given.get("PYTHONPATH", "").split(os.pathsep))
    return [folder for folder in dict.fromkeys(folders) if os.path.realpath(folder) not in own]


def _of_python() -> list[str]:
    stdlib = sysconfig.get_path("stdlib")
    version = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    return [
        stdlib,
        sysconfig.get_path("platstdlib"),
        os.path.join(stdlib, "lib-dynload"),
        os.path.join(os.path.dirname(stdlib), version),
        os.path.join(os.path.dirname(sysconfig.get_path("platstdlib")), version),
        *site.getsitepackages(),
        site.getusersitepackages(),
    ]
