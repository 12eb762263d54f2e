"""Whether this process is a web server, told by who is setting Django up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from types import FrameType
from typing import Any, Final

#: What makes the callable that servers serve, and sets Django up for it.
_MAKERS: Final = {
    ("django.core.wsgi", "get_wsgi_application"),
    ("django.core.asgi", "get_asgi_application"),
}
#: Set for the process under a reloader that serves: Django's own, and that of Werkzeug.
_RELOADED: Final = ("RUN_MAIN", "WERKZEUG_RUN_MAIN")


class Serving(Enum):
    """NO; HERE; FORKED: this process will not, the children that it forks will."""

    NO = "no"
    HERE = "here"
    FORKED = "forked"


def serving() -> Serving:
    """To be asked while Django is set up: from `AppConfig.ready`."""
    by_server, by_tests, modules = False, False, set()
    for frame in _stack():
        module, function = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        if module == "django.core.management" and function == "execute":
            # `manage.py`: what it is asked to do decides, whatever else that may import.
            return _command(getattr(frame.f_locals.get("self"), "argv", sys.argv))
        by_server = by_server or (module, function) in _MAKERS
        by_tests = by_tests or module.partition(".")[0] in ("_pytest", "unittest")
        modules.add(module)
    if by_tests or not by_server:
        return Serving.NO
    return Serving.FORKED if _forks(modules) else Serving.HERE


def _command(words: Sequence[str]) -> Serving:
    if len(words) < 2 or not words[1].startswith("runserver"):
        return Serving.NO
    reloaded = any(os.environ.get(name) == "true" for name in _RELOADED)
    return Serving.HERE if reloaded or "--noreload" in words else Serving.NO


def serving_after_setup() -> Serving:
    """The same for a process that says itself that it serves."""
    return Serving.FORKED if _forks({frame.f_globals.get("__name__") for frame in _stack()}) else Serving.HERE


def _forks(modules: set[Any]) -> bool:
    """Whether a server loads the project once, and then forks the processes that serve."""
    if "gunicorn.arbiter" in modules and not any(
        str(name).startswith("gunicorn.workers") for name in modules
    ):
        return True
    uwsgi = sys.modules.get("uwsgi")
    return uwsgi is not None and bool(uwsgi.masterpid()) and uwsgi.worker_id() == 0


def _stack() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
