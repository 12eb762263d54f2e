"""A job that waits until it is let go, and writes down who runs it."""

import asyncio
import os

from longshore.compat.pulsar import tasks


class Guarded(tasks.Job):
    can_overlap = False

    async def __call__(self, consumer, ledger="", gate=""):
        with open(ledger, "a") as file:
            file.write(f"{os.getpid()}\n")
        while not os.path.exists(gate):
            await asyncio.sleep(0.02)
        return consumer.task_id
