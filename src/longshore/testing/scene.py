"""An app whose tasks write down that they begin: what crash tests run, in this process and in others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self, cast

from longshore import App, Context
from longshore.model import HOLDING
from longshore.stores.base import Store
from longshore.testing.calm import Calm
from longshore.testing.invariants import History
from longshore.testing.ledger import Ledger
from longshore.testing.samples import everything

#: seconds: so short that recovery is quick, and so long that a busy machine renews in time
LEASE = 0.6
SWEEP = 0.1


class Scene:
    """Every task returns the attempt it ran as, so that its result tells whose it is."""

    def __init__(
        self, url: str, ledger: str | Path, lease: float = LEASE, sweep: float = SWEEP, max_crashes: int = 3
    ) -> None:
        self.url = url
        self.ledger = Ledger(ledger)
        #: what the task ``gate`` does in its first run; as it is, it never ends
        self.wait_at_gate: Callable[[], object] = lambda: threading.Event().wait()
        self.lease = lease
        self.app = App(url, lease=lease, sweep=sweep, max_crashes=max_crashes)
        task, begin = self.app.task, self._begin

        @task(name="scene.note")
        def note(ctx: Context, seconds: float = 0.0) -> int:
            attempt = begin(ctx)
            threading.Event().wait(seconds)
            return attempt

        @task(name="scene.anote")
        async def anote(ctx: Context) -> int:
            return begin(ctx)

        @task(name="scene.slow")
        def slow(ctx: Context, seconds: float) -> int:
            """Take so long, and say how far it is."""
            attempt, end = begin(ctx), time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not ctx.cancelled:
                ctx.progress(seconds - left, seconds)
                threading.Event().wait(0.02)
            return attempt

        @task(name="scene.gate")
        def gate(ctx: Context) -> int:
            """The first run stands before the gate until it is let in; later ones pass."""
            attempt = begin(ctx)
            if attempt == 1:
                self.wait_at_gate()
            return attempt

        @task(name="scene.poison")
        def poison(ctx: Context) -> int:
            """Kill the process it runs in, always."""
            begin(ctx)
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        self.note, self.anote, self.slow, self.gate, self.poison = note, anote, slow, gate, poison

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.app.close()

    def _begin(self, ctx: Context) -> int:
        self.ledger.begun(ctx.job_id, ctx.attempt)
        return ctx.attempt

    def calm(self) -> Calm:
        """From now on the store is called by one thread at a time."""
        calm = Calm(self.app._store)
        self.app._store = cast("Store", calm)
        return calm

    def begun(self, job_id: str) -> bool:
        """Whether the job ever began."""
        return any(start.job == job_id for start in self.ledger.starts())

    def history(self, acknowledged: Iterable[str], takeovers: int) -> History:
        """What happened so far."""
        jobs = everything(self.app.store)
        ended = [record for record in jobs.values() if record.state == "succeeded"]
        results = {record.id: self.app.jobs.decode_result(record) for record in ended}
        return History(frozenset(acknowledged), jobs, results, self.ledger.starts(), takeovers)

    @property
    def idle(self) -> bool:
        """Whether all jobs have ended."""
        return not any(state in HOLDING for _, state in self.app.store.count())
