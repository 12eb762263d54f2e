"""The demo's worker processes, and the killing of one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore.model import Where

if TYPE_CHECKING:
    from longshore.stores.base import Store

#: jobs a worker runs at once. Parsing is Python's own work, of which a process does one thing at a time
_CONCURRENCY: Final = 4
_STOP: Final = 5.0
_MANY: Final = 10_000


class Fleet:
    """``count`` processes that run ``longshore worker``; their own lines go to a file in ``folder``."""

    def __init__(self, count: int, url: str, queue: str, folder: Path) -> None:
        self._url = url
        self._queue = queue
        self._folder = folder
        self.log = folder / "workers.log"
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        # Its end tells the workers that we are gone, however we died.
        self._watched, self._held = os.pipe()
        for _ in range(count):
            self.start()

    def start(self) -> str:
        """One more worker; its name."""
        name = f"demo-{os.getpid()}-{len(self._workers) + 1}"
        command = [sys.executable, "-m", "longshore", "worker", "longshore.cli.demo.tasks:app"]
        options = [
            "-q",
            self._queue,
            "-c",
            str(_CONCURRENCY),
            "--name",
            name,
            "--parent-fd",
            str(self._watched),
        ]
        with open(self.log, "ab") as log:
            self._workers[name] = subprocess.Popen(
                [*command, *options],
                # Elsewhere than here, where a file might hide a module of Python's.
                cwd=self._folder,
                env={**os.environ, "LONGSHORE_URL": self._url},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._watched,),
                start_new_session=True,
            )
        return name

    @property
    def alive(self) -> int:
        """How many still run."""
        return sum(process.poll() is None for process in self._workers.values())

    def kill_one(self, store: Store) -> tuple[str, int, list[str]] | None:
        """Kill a worker that holds jobs, with SIGKILL; its name, pid and those jobs. None: none holds any just now."""
        for name, process in self._workers.items():
            if process.poll() is not None or not self._holds(store, name):
                continue
            # Stopped first, so that what it holds is what it held when it died.
            process.send_signal(signal.SIGSTOP)
            held = self._holds(store, name)
            if not held:
                process.send_signal(signal.SIGCONT)
                continue
            process.kill()
            process.wait()
            return name, process.pid, held
        return None

    def _holds(self, store: Store, name: str) -> list[str]:
        return [job.id for job in store.find(Where(states=("running",), worker=name), _MANY)]

    def close(self) -> None:
        """End them all: politely, then not."""
        for process in self._workers.values():
            if process.poll() is None:
                process.terminate()
        for process in self._workers.values():
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._held)
        os.close(self._watched)

    def last_words(self) -> str:
        """The end of what the workers said."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-5:])
