"""A program with a task queue: `python pulsar_worker.py URL WORKERS`. One worker has short leases."""

import logging
import os
import sys

from longshore import App
from longshore.compat.pulsar import tasks
from longshore.worker.death import on_end_of


def main(url: str, workers: int) -> None:
    # The test that started us holds the other end.
    on_end_of(sys.stdin.fileno(), lambda: os._exit(3))
    logging.basicConfig(level=logging.INFO)
    backend = App(url, lease=1.0, sweep=0.3) if workers == 1 else url
    queue = tasks.TaskQueue(
        name="shop",
        task_paths=["pulsar_jobs.*"],
        task_backend=backend,
        schedule_periodic=True,
        workers=workers,
    )
    print("ready", flush=True)
    queue.start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
