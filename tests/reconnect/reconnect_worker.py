"""A worker in a process of its own: ``URL FOLDER NAME [SILENCE]``. Each of its threads leaves a trace when it works.

The feed by the starts it writes into the ledger; the keeper by the heartbeat in the store; the ticker and the courier by a
tick task of this worker's own, which enqueues a job; the ear by what it heard, in a file.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from longshore import App, Context, every
from longshore.stores.postgres import connection as postgres_connection
from longshore.stores.postgres import ear as postgres_ear
from longshore.stores.redis import ear as redis_ear
from longshore.testing.ledger import Ledger
from longshore.worker.death import on_end_of
from longshore.worker.service import serve
from longshore.worker.worker import Worker

PLACES = 4


def make(url: str, folder: Path, name: str = "") -> App:
    app = App(url, lease=10.0, sweep=1.0)
    ledger, ticks = Ledger(folder / "ledger"), Ledger(folder / "ticks")

    @app.task(name="note")
    def note(ctx: Context, seconds: float = 0.0) -> int:
        ledger.begun(ctx.job_id, ctx.attempt)
        threading.Event().wait(seconds)
        return ctx.attempt

    @app.task(name="ticked", priority=10)
    def ticked(ctx: Context, who: str) -> int:
        ticks.begun(who, ctx.attempt)
        return ctx.attempt

    if name:

        @app.periodic(every(0.2), name=f"tick-{name}", queue=name, priority=10)
        async def tick(ctx: Context) -> int:
            await ticked.aenqueue(name)
            return ctx.attempt

    return app


def main() -> None:
    url, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(message)s")
    on_end_of(sys.stdin.fileno(), lambda: os._exit(3))
    if len(sys.argv) > 4:
        # Ears notice a silent line sooner than they do elsewhere, and statements a silent server.
        postgres_connection._GRACE = 0.1  # type: ignore[misc]
        postgres_ear._PING = postgres_ear._DEADLINE = redis_ear._SILENCE = float(sys.argv[4])  # type: ignore[misc]
    app = make(url, folder, name)
    heard = Ledger(folder / "heard")
    app.store.subscribe(["job:ping"], lambda: heard.begun(name, 0))
    worker = Worker(app, queues=["default", name], concurrency=PLACES, name=name)
    print("ready", flush=True)
    serve(worker)
    app.close()
    print("ended", flush=True)


if __name__ == "__main__":
    main()
