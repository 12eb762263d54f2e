"""Workers that the Django processes of a project start, watch and take down with themselves.

Each of these processes contends for each place (`slot.Slot`), so that with any number of them, on any number of machines,
there are as many workers as LONGSHORE["SUPERVISE"] says.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import time
from typing import Any, Final

from django.apps import apps
from django.conf import settings

from longshore.errors import ConfigError, LongshoreError
from longshore.integrations.django.conf import Conf, Supervise, read, supervision
from longshore.integrations.django.launch import MARK, command, environment
from longshore.integrations.django.place import Place
from longshore.integrations.django.serving import Serving, serving_after_setup
from longshore.integrations.django.slot import Slot, log
from longshore.model import Where
from longshore.stores import open_store
from longshore.stores.base import Store
from longshore.worker.keeper import rescue
from longshore.worker.observer import Observer
from longshore.worker.supervisor import Supervisor

#: seconds a place is held for at most without being asked for again
LEASE: Final = 15.0
#: seconds a forked process waits before it contends: until it has become what it is to be (another user, another program)
FORKED: Final = 1.0
#: seconds a process that ends waits for its workers
PATIENCE: Final = 5.0


def supervise() -> None:
    """Start the workers of LONGSHORE["SUPERVISE"] from this process, or stand by for those who did. Returns at once.

    For programs that serve a project and call ``django.setup()`` themselves; for ``manage.py runserver`` and what calls
    ``get_wsgi_application()`` or ``get_asgi_application()`` it is done already. Calling it again does nothing.
    """
    begin(serving_after_setup(), by_default=True)


def begin(where: Serving, by_default: bool) -> None:
    """As `supervise`: now, or in the processes that this one will fork."""
    plan = supervision(by_default)
    if plan is None or where is Serving.NO or MARK in os.environ or _here:
        return
    try:
        found = Supervised(plan, *_place())
    except LongshoreError as error:
        log.warning("LONGSHORE['SUPERVISE']: no worker is started: %s", error)
        return
    _here.append(found)
    if os.environ.get("RUN_MAIN") == "true":
        _reload_with_tasks()
    if where is Serving.HERE:
        found.start()


def _place() -> tuple[str, Conf]:
    """Where jobs are, and the settings. ConfigError: no worker of ours can work there.

    Nothing is connected to, but all that will be needed is imported: were it for our threads to do that, they would meet
    the server in the middle of its own imports. For the same reason the project's middleware is left out.
    """
    if os.name != "posix":
        raise ConfigError("this needs a POSIX system\nrun: manage.py longshore worker")
    given = getattr(settings, "LONGSHORE", {})
    conf, mistakes = read({key: value for key, value in given.items() if key != "MIDDLEWARE"})
    if mistakes:
        raise ConfigError("\n".join(f"{text} {hint}" for _, text, hint in mistakes[:4]))
    url = Place(conf).url
    if conf.eager or url.startswith("memory:"):
        raise ConfigError("jobs are run or kept in this process alone, where no worker can see them")
    open_store(url)
    return url, conf


class Supervised:
    """What this process does for the workers of ``plan``, whose jobs are at ``url``."""

    def __init__(self, plan: Supervise, url: str, conf: Conf) -> None:
        self._plan = plan
        self._url = url
        self._conf = conf
        self._environment = environment()
        self._slots: list[Slot] = []

    def start(self, pause: float = 0.0) -> None:
        """Contend for the places, from so many seconds on; nothing is waited for."""
        lease = min(LEASE, self._conf.lease)
        numbers = range(1, self._plan.workers + 1)
        self._slots = [Slot(number, lease, self._store, self._supervisor, pause) for number in numbers]
        for slot in self._slots:
            slot.start()

    def _store(self) -> Store:
        return open_store(self._url)

    def _supervisor(self, store: Store, number: int) -> Supervisor:
        name = f"django:{socket.gethostname()}:{os.getpid()}"

        def give_back(worker: str, cause: str) -> None:
            where = Where(states=("running",), worker=worker)
            rescue(store, where, cause, self._conf.max_crashes, Observer())
            store.drop("worker", worker)

        def words(worker: str, parent_fd: int) -> list[str]:
            return command(worker, parent_fd, self._plan.concurrency, self._plan.queues)

        def say(level: int, text: str) -> None:
            log.log(max(level, logging.INFO), "%s", text)

        return Supervisor(
            1,
            name,
            words,
            give_back,
            say,
            first=number,
            environment=self._environment,
            stubborn=True,
        )

    def close(self, patience: float) -> None:
        """Drain the workers that are here; wait so many seconds for their end, which is not put off by our own."""
        for slot in self._slots:
            slot.leave()
        deadline = time.monotonic() + patience
        for slot in self._slots:
            slot.join(max(0.0, deadline - time.monotonic()))


def _reload_with_tasks() -> None:
    """The server may import no tasks, and would go on when they change; the worker would keep what they were."""
    from django.utils.autoreload import autoreload_started

    def watch(sender: Any, **_: Any) -> None:
        for config in apps.get_app_configs():
            for name in read()[0].modules:
                sender.watch_dir(config.path, f"{name}.py")

    autoreload_started.connect(watch, weak=False)


#: of this process: one, or none
_here: Final[list[Supervised]] = []


def _in_child() -> None:
    """The parent's threads are not here, its workers are its own. Should it go, we are here."""
    for supervised in _here:
        supervised.start(FORKED)


def _at_exit() -> None:
    for supervised in _here:
        supervised.close(PATIENCE)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
