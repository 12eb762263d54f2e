"""From a queue of the user's own into this process's memory, from where a worker runs the commands."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

from longshore.compat.huey import message
from longshore.compat.huey.commands import Commands
from longshore.compat.huey.exceptions import QueueException
from longshore.model import Where, cancelled

log: Final = logging.getLogger("huey.consumer.logger")


class Intake:
    """Reads no more than can be run at once: what is read and not finished is lost if the process is killed.

    ``places`` is how many that are, ``delay``, ``backoff`` and ``most`` say how the queue is polled, in seconds.
    """

    def __init__(
        self, queue: Any, commands: Commands, places: int, delay: float, backoff: float, most: float
    ) -> None:
        self._queue = queue
        self._commands = commands
        self._delay, self._backoff, self._most = delay, backoff, most
        self._free = threading.Semaphore(places)
        self._held: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="huey-intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ended(self, job_id: str) -> None:
        """One of its jobs came to something: there is room for another."""
        if job_id in self._held:
            self._held.discard(job_id)
            self._free.release()

    def stop(self) -> None:
        """Read nothing more."""
        self._stopped.set()
        self._free.release()

    def finish(self) -> None:
        """After the worker's end: write back what it did not begin or finish."""
        self._thread.join(1.0)  # one that waits in the queue's read is left to itself
        store = self._commands.app.store
        while jobs := store.find(Where(states=("queued",)), 500):
            for job in jobs:
                self._write_back(message.text_of(job, store.now()))
                store.apply([cancelled(job, store.now(), "written back")])

    def _write_back(self, text: str) -> None:
        try:
            self._queue.write(text)
        except Exception:
            log.exception("a command cannot be written back and is lost: %s", text)

    def _run(self) -> None:
        wait = self._delay
        while not self._stopped.is_set():
            self._free.acquire()
            taken = False if self._stopped.is_set() else self._read()
            if taken is None:  # the place is taken
                wait = self._delay
                continue
            self._free.release()
            if taken:
                wait = self._delay
            else:
                self._stopped.wait(wait)
                wait = min(wait * self._backoff, self._most)

    def _read(self) -> bool | None:
        """True: one was read that waits; None: one was read that runs now; False: there was none, or it failed."""
        try:
            text = self._queue.read()
        except Exception:
            log.exception("queue exception")
            return False
        if text is None:
            return False
        if self._stopped.is_set():
            self._write_back(text)
            return False
        return self._accept(text)

    def _accept(self, text: str) -> bool | None:
        store = self._commands.app.store
        try:
            asked = message.read(text)
        except QueueException:
            log.exception("queue exception")
            return True
        record = asked.record(self._commands.queue, store.now(), 0.0)
        now = record.run_at <= store.now()
        if now:
            self._held.add(record.id)
        store.add([record])
        store.publish([f"queue:{record.queue}"])
        return None if now else True
