"""A worker of the zoo as a service; with a failpoint's name, one of its threads fails there.

With ``slow start`` it starts only once it was sent a signal.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading

import zoo

from longshore.testing import failpoints
from longshore.worker.service import serve
from longshore.worker.worker import Worker


def start_slowly(worker: Worker) -> None:
    heard, start = threading.Event(), worker.start

    def slowly() -> Worker:
        before = signal.signal(signal.SIGTERM, lambda *_: heard.set())
        print("starting", flush=True)
        heard.wait()
        signal.signal(signal.SIGTERM, before)
        print("heard", flush=True)
        return start()

    worker.start = slowly  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    worker = zoo.app.worker()
    if sys.argv[1:] == ["slow start"]:
        start_slowly(worker)
    elif sys.argv[1:]:
        failpoints.install(sys.argv[1], failpoints.fail(RuntimeError("planted")))
    serve(worker)
    zoo.app.close()
