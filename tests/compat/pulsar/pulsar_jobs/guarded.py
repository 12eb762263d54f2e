"""A job that waits until it is let go, and writes down who runs it."""

import os
import threading

from longshore.compat.pulsar import tasks


class Guarded(tasks.Job):
    can_overlap = False

    def __call__(self, consumer, ledger="", gate=""):
        with open(ledger, "a") as file:
            file.write(f"{os.getpid()}\n")
        while not os.path.exists(gate):
            threading.Event().wait(0.02)
        return consumer.task_id
