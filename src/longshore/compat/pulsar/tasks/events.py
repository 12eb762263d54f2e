"""Events of tasks: callbacks by name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

from longshore.errors import ConfigError
from longshore.follow import Event, Follower
from longshore.model import JobRecord
from longshore.stores.base import Store

EVENTS: Final = ("task_queued", "task_started", "task_done")
_NAMES: Final[dict[Event, str]] = {"queued": "task_queued", "started": "task_started", "ended": "task_done"}
Callback = Callable[[str], object]
Bound = tuple[Callback, asyncio.AbstractEventLoop | None]


class Events:
    """Who wants to hear what of the tasks of a queue, in any process. Nothing is looked at until somebody does."""

    def __init__(self, store: Callable[[], Store], queue: str) -> None:
        self._store = store
        self._queue = queue
        self._bound: dict[str, list[Bound]] = {name: [] for name in EVENTS}
        self._follower: Follower | None = None
        self._lock = threading.Lock()

    def bind(self, name: str, callback: Callback) -> None:
        """Call ``callback(task_id)``: in the event loop that runs here now, else in a thread of the events' own."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._of(name).append((callback, loop))
        with self._lock:
            if self._follower is None:
                self._follower = Follower(self._store, self._queue, self._tell)

    def unbind(self, name: str, callback: Callback) -> None:
        """No more calls. Nothing happens if there were none."""
        bound = self._of(name)
        bound[:] = [one for one in bound if one[0] != callback]

    def close(self) -> None:
        with self._lock:
            follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def _of(self, name: str) -> list[Bound]:
        if name not in self._bound:
            raise ConfigError(f'there is no event "{name}": {", ".join(EVENTS)}')
        return self._bound[name]

    def _tell(self, event: Event, job: JobRecord) -> None:
        for callback, loop in list(self._bound[_NAMES[event]]):
            if loop is None:
                callback(job.id)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(_call, callback, job.id)


def _call(callback: Callable[[str], Any], task_id: str) -> None:
    callback(task_id)
