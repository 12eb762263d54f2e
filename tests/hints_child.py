"""A worker in another process: ``URL``. Says ``ready``; ends when its standard input does."""

from __future__ import annotations

import sys

from longshore import App
from longshore.worker import feed

feed.POLL = 60.0  # so that only a hint can wake it
app = App(sys.argv[1])


@app.task(name="double")
def double(n: int) -> int:
    return 2 * n


if __name__ == "__main__":
    with app, app.worker():
        print("ready", flush=True)
        sys.stdin.read()
