"""An app whose tasks write down that they begin: what crash tests run, in this process and in others."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from longshore import App, Context
from longshore.testing.ledger import Ledger

#: seconds: so short that recovery is quick, and so long that a busy machine renews in time
LEASE = 0.8
SWEEP = 0.2


class Scene:
    """Every task returns the attempt it ran as, so that its result tells whose it is."""

    def __init__(
        self, url: str, ledger: str | Path, lease: float = LEASE, sweep: float = SWEEP, max_crashes: int = 3
    ) -> None:
        self.url = url
        self.ledger = Ledger(ledger)
        self.go = Path(f"{ledger}.go")
        self.lease = lease
        self.app = App(url, lease=lease, sweep=sweep, max_crashes=max_crashes)
        task = self.app.task
        self.note = task(name="scene.note")(self._note)
        self.anote = task(name="scene.anote")(self._anote)
        self.slow = task(name="scene.slow")(self._slow)
        self.gate = task(name="scene.gate")(self._gate)
        self.poison = task(name="scene.poison")(self._poison)

    def _begin(self, ctx: Context) -> int:
        self.ledger.begun(ctx.job_id, ctx.attempt)
        return ctx.attempt

    def _note(self, ctx: Context, seconds: float = 0.0) -> int:
        threading.Event().wait(seconds)
        return self._begin(ctx)

    async def _anote(self, ctx: Context) -> int:
        return self._begin(ctx)

    def _slow(self, ctx: Context, seconds: float) -> int:
        """Take so long, and say how far it is."""
        attempt, end = self._begin(ctx), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not ctx.cancelled:
            ctx.progress(seconds - left, seconds)
            threading.Event().wait(0.02)
        return attempt

    def _gate(self, ctx: Context) -> int:
        """The first run stands before the gate until it is opened; later ones pass."""
        attempt = self._begin(ctx)
        while attempt == 1 and not self.go.exists():
            threading.Event().wait(0.01)
        return attempt

    def _poison(self, ctx: Context) -> int:
        """Kill the process it runs in, always."""
        attempt = self._begin(ctx)
        os.kill(os.getpid(), signal.SIGKILL)
        return attempt

    def open_gate(self) -> None:
        """Let the first runs pass."""
        self.go.touch()

    def begun(self, job_id: str) -> bool:
        """Whether the job ever began."""
        return any(start.job == job_id for start in self.ledger.starts())
