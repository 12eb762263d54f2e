"""A project whose servers start workers, seen from outside: its servers, its workers, its jobs."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import psutil
from project import Project

from longshore import App, LongshoreError
from longshore.testing.processes import Program
from longshore.testing.waiting import until
from servers.group import free_port

#: seconds: how long a place is held for, and how long a test waits for a takeover at most
LEASE, PATIENCE = 2, 40

SLOW = """\
import os, pathlib, time
from longshore.integrations.django import app

VERSION = 1

@app.task
def version() -> list[int]:
    return [VERSION, os.getpid()]

@app.task
def wait(go: str) -> str:
    deadline = time.monotonic() + 60
    while not pathlib.Path(go).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return "waited"
"""

COMMANDS = {
    "runserver": "manage.py runserver --noreload 127.0.0.1:{port}",
    "reload": "manage.py runserver 127.0.0.1:{port}",
    "gunicorn": "-m gunicorn -w 3 -b 127.0.0.1:{port} site_wsgi:application",
    "preload": "-m gunicorn --preload -w 3 -b 127.0.0.1:{port} site_wsgi:application",
    "uvicorn": "-m uvicorn --workers 2 --lifespan off --port {port} site_asgi:application",
}


class Server:
    """A web server of the project, up."""

    def __init__(self, project: Project, kind: str) -> None:
        self.port = free_port()
        self.program: Program = project.launch(*COMMANDS[kind].format(port=self.port).split())
        until(self._up, f"{kind} to answer", PATIENCE)

    def _up(self) -> bool:
        assert self.program.running, self.program.output
        with suppress(OSError):
            self.ask("nothing")
            return True
        return False

    def ask(self, path: str) -> dict[str, Any]:
        """Empty: it answered with an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError:
            return {}

    @property
    def pids(self) -> set[int]:
        """Of its processes; not those of workers, which are sessions of their own."""
        processes = [
            psutil.Process(self.program.pid),
            *psutil.Process(self.program.pid).children(recursive=True),
        ]
        return {one.pid for one in processes if os.getsid(one.pid) == os.getsid(self.program.pid)}

    def kill(self) -> None:
        """As the machine's memory killer would: all of it, without a word."""
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Its worker still writes to where it wrote, until it ends.
        until(lambda: not self.program.running, "its end")


class Site:
    """``workers``: pid of each worker that beats, by name."""

    def __init__(self, project: Project, **longshore: Any) -> None:
        self.project = project
        self.servers: list[Server] = []
        self._seen: set[int] = set()
        project.set(LONGSHORE={"LEASE": LEASE, "SUPERVISE": True, **longshore})
        project.write("shop/commands.py", SLOW)
        self.app = App(url_of(project))
        self.store = self.app.store

    def serve(self, kind: str) -> Server:
        self.servers.append(Server(self.project, kind))
        return self.servers[-1]

    @property
    def workers(self) -> dict[str, int]:
        """Those whose processes live."""
        found = {name: doc["pid"] for name, doc in self.store.list("worker").items()}
        self._seen |= set(found.values())
        return {name: pid for name, pid in found.items() if alive(pid)}

    def have(self, count: int, but: set[int] = frozenset()) -> dict[str, int]:
        """Wait until so many workers live, none of those whose pids are given."""

        def there() -> list[dict[str, int]]:
            found = self.workers
            return [found] if len(found) == count and not but & set(found.values()) else []

        try:
            [found] = until(there, "workers", PATIENCE)
        except AssertionError:
            said = "\n--\n".join(server.program.output[-3000:] for server in self.servers)
            raise AssertionError(
                f"{count} workers, but not {but}, never lived; now {self.workers}\n{said}"
            ) from None
        return found

    def enqueue(self, call: str) -> str:
        return self.project.do(f"from shop.commands import *\nprint({call}.id)\napp.close()")

    def result(self, job: str) -> Any:
        try:
            return self.app.job(job).result(PATIENCE)
        except LongshoreError as error:
            said = "\n--\n".join(server.program.output[-3000:] for server in self.servers)
            raise AssertionError(f"{error}\n{said}") from None

    def close(self) -> None:
        for server in self.servers:
            if server.program.running:
                server.kill()
        self.have(0)
        self.app.close()


def alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def url_of(project: Project) -> str:
    given = project.settings["DATABASES"]["default"]
    if given["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{given['NAME']}"
    login = f"{quote(given['USER'])}:{quote(given['PASSWORD'])}"
    return f"postgresql://{login}@/{given['NAME']}?host={quote(given['HOST'], safe='')}&port={given['PORT']}"
