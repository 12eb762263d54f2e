"""What can happen to a server and to the lines that lead to it. Each gives the moment from which all is well again."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil
import psycopg
from reconnect_fleet import Fleet

from servers import postgres
from servers.postgres import Server
from servers.proxy import Proxy
from servers.valkey import Valkey, valkey


class Place(Protocol):
    """A server that can be troubled, behind a line that can be cut."""

    proxy: Proxy
    url: str

    def restart(self) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...
    def signal(self, number: int) -> None: ...
    def disconnect(self) -> None: ...


class Postgres:
    def __init__(self, server: Server, proxy: Proxy, deadline: float) -> None:
        self.server, self.proxy = server, proxy
        self.url = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?deadline={deadline:g}"

    def restart(self) -> None:
        self.server.stop("fast")
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        # The children of one that was killed notice by themselves; until they are gone the files are in use.
        while True:
            (self.server.data / "postmaster.pid").unlink(missing_ok=True)
            try:
                self.server.start()
            except AssertionError:
                continue
            return

    def signal(self, number: int) -> None:
        assert self.server.pid is not None
        first = psutil.Process(self.server.pid)
        for one in [first, *first.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def disconnect(self) -> None:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'longshore%'"
            )


class Redis:
    def __init__(self, server: Valkey, proxy: Proxy, deadline: float) -> None:
        self.server, self.proxy = server, proxy
        self.url = f"redis://127.0.0.1:{proxy.port}/0?timeout={deadline:g}"

    def restart(self) -> None:
        self.server.stop()
        self.server.start()

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def signal(self, number: int) -> None:
        self.server.signal(number)

    def disconnect(self) -> None:
        for kind in ("normal", "pubsub"):
            self.server.say(f"CLIENT KILL TYPE {kind}")


@contextmanager
def postgres_place(deadline: float) -> Iterator[Place]:
    folder = Path(os.environ[postgres.FOLDER]) / f"own-{os.getpid()}-{time.monotonic_ns()}"
    server = Server(folder)
    server.create()
    server.start()
    try:
        with Proxy(folder / ".s.PGSQL.5432") as proxy:
            yield Postgres(server, proxy, deadline)
    finally:
        server.stop()


@contextmanager
def redis_place(deadline: float) -> Iterator[Place]:
    with valkey(appendonly="yes", appendfsync="everysec") as server, Proxy(server.socket) as proxy:
        yield Redis(server, proxy, deadline)


Trouble = Callable[[Place, Fleet, float], None]


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)


def _noticed(fleet: Fleet, before: list[int], seconds: float) -> None:
    """Until every worker has said that it stalls, and at least so long."""
    end = time.monotonic() + seconds
    while not fleet.stalled_more_than(before) or time.monotonic() < end:
        _rest(0.01)
        assert time.monotonic() < end + 30, f"not every worker said that it stalls: {before} {fleet.stalls()}"


def restarted(place: Place, fleet: Fleet, seconds: float) -> None:
    place.restart()


def killed(place: Place, fleet: Fleet, seconds: float) -> None:
    before = fleet.stalls()
    place.kill()
    _noticed(fleet, before, seconds)
    place.start()


def paused(place: Place, fleet: Fleet, seconds: float) -> None:
    before = fleet.stalls()
    place.signal(signal.SIGSTOP)
    try:
        _noticed(fleet, before, seconds)
    finally:
        place.signal(signal.SIGCONT)


def disconnected(place: Place, fleet: Fleet, seconds: float) -> None:
    place.disconnect()


def cut(place: Place, fleet: Fleet, seconds: float) -> None:
    place.proxy.cut()


def hushed(place: Place, fleet: Fleet, seconds: float) -> None:
    """Half-open: every connection there is fell silent, and nobody was told."""
    place.proxy.hush()


def darkened(place: Place, fleet: Fleet, seconds: float) -> None:
    """As `hushed`, and for a while no connection can be made either."""
    before = fleet.stalls()
    place.proxy.darken()
    try:
        _noticed(fleet, before, seconds)
    finally:
        place.proxy.lighten()


TROUBLES: tuple[Trouble, ...] = (restarted, killed, paused, disconnected, cut, hushed, darkened)


def suffer(place: Place, fleet: Fleet, trouble: Trouble, seconds: float) -> tuple[float, float]:
    """Let it happen. Seconds from the return until every worker consumed, and until every thread had shown itself."""
    fleet.troubles += 1
    trouble(place, fleet, seconds)
    back = time.monotonic()
    consumed = fleet.works_after(back)
    everything = fleet.every_thread_works_after(back)
    place.proxy.forget()
    return consumed, everything


def places() -> dict[str, Callable[[float], contextlib.AbstractContextManager[Place]]]:
    return {"postgresql": postgres_place, "redis": redis_place}
