"""What runs write down outside the store: one line a start, which no later death can take back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Start(NamedTuple):
    """One run began: which job, on which claim, in which process."""

    job: str
    attempt: int
    pid: int


class Ledger:
    """A file that many processes append to: a line is one write, so none is torn and none is lost in a buffer."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def begun(self, job: str, attempt: int) -> None:
        """Write down that a run begins here."""
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, f"{job} {attempt} {os.getpid()}\n".encode())
        finally:
            os.close(handle)

    def starts(self) -> list[Start]:
        """Every start so far, in order."""
        if not self.path.exists():
            return []
        lines = (line.split() for line in self.path.read_text().splitlines())
        return [Start(job, int(attempt), int(pid)) for job, attempt, pid in lines]
