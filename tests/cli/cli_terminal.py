"""A command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from typing import Self

from cli_shop import Shop

from longshore.testing.waiting import DEADLINE


class Terminal:
    """Runs a command whose input and output are a terminal; killed at the end of the ``with`` block."""

    def __init__(self, shop: Shop, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            shop.argv(*words), cwd=shop.folder, env={**shop.env, "TERM": "xterm"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""

    def until(self, words: str) -> str:
        """Read until it has written this; all it wrote so far."""
        deadline = time.monotonic() + DEADLINE
        while words not in self.text:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"never wrote {words!r}, but:\n{self.text}")
        return self.text

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, timeout))
        try:
            got = os.read(self._ours, 65536) if ready else b""
        except OSError:  # the other side is closed
            got = b""
        self.text += got.decode(errors="replace")
        return bool(got)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read to its end; its return code."""
        while self._read(DEADLINE):
            pass
        return self.process.wait(DEADLINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
