"""One of several workers of a schedule that ticks each PERIOD (seconds): ``python tick_worker.py URL LEDGER PERIOD``."""

from __future__ import annotations

import os
import sys

from longshore import App, Context, every
from longshore.worker.death import on_end_of
from longshore.worker.service import serve


def main(url: str, ledger: str, period: str) -> None:
    # The test that started us holds the other end.
    on_end_of(sys.stdin.fileno(), lambda: os._exit(3))
    app = App(url, lease=1.0, sweep=0.3, max_crashes=100)

    @app.periodic(every(float(period)), name="second", catch_up="all")
    def second(ctx: Context) -> None:
        assert ctx.tick is not None
        line = f"{ctx.tick.timestamp():.6f} {ctx.job_id}\n"
        with open(ledger, "a", encoding="utf-8") as file:
            file.write(line)

    worker = app.worker(concurrency=5)
    print("ready", flush=True)
    serve(worker)


if __name__ == "__main__":
    main(*sys.argv[1:])
