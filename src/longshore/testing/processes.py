"""Programs in processes of their own, for tests that kill and pause them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from longshore.testing.waiting import DEADLINE


class Program:
    """``python ARGUMENTS``, and the lines it writes as they come. Killed at the end of the ``with`` block, if it still runs.

    Its standard input is a pipe that ends when this process does: how it can notice that nobody waits for it any more.
    """

    def __init__(
        self, *arguments: str, env: Mapping[str, str] | None = None, cwd: str | Path | None = None
    ) -> None:
        self.arguments = arguments
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            cwd=cwd,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def line(self, start: str, timeout: float = DEADLINE) -> str:
        """Wait for a line that begins so; what follows in it. AssertionError, with all it wrote: there is none."""
        deadline = time.monotonic() + timeout
        with self._more:
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line.removeprefix(start).strip()
                if not self._reader.is_alive() or not self._more.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{self.arguments} never wrote {start!r}, but:\n{self.output}")

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self, timeout: float = DEADLINE) -> int:
        """Wait until it has ended and all it wrote is here; its return code, -N where signal N killed it."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.arguments} did not end; it wrote:\n{self.output}") from None
        self._reader.join(timeout)
        return code

    def close(self) -> None:
        """Kill it if it still runs, and let go of its pipes. Idempotent."""
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
