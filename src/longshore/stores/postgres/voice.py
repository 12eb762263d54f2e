"""What a store says to other processes and hears of them: its hub, its mouth and its ear, each made when it is needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence

from longshore.stores.base import Subscription
from longshore.stores.gathered import Gathered
from longshore.stores.hints import Hub, kind
from longshore.stores.postgres import hints
from longshore.stores.postgres.ear import Ear
from longshore.stores.postgres.location import Location

#: a channel, and what to say there
Message = tuple[str, str]


class Voice:
    """For all threads of a process; a forked child makes another. ``send`` says what has gathered, in one statement.

    ``location`` is asked each time: a pooler may be found out when the store opens, and behind one nothing is heard.
    """

    def __init__(self, location: Callable[[], Location], send: Callable[[Sequence[Message]], object]) -> None:
        self._location = location
        self._send = send
        self._hub = Hub()
        self._own = os.urandom(6).hex()
        self._making = threading.Lock()
        self._ear: Ear | None = None
        self._mouth: Gathered | None = None

    def publish(self, topics: Iterable[str]) -> None:
        """See `base.Store.publish`."""
        topics = list(topics)
        self._hub.tell(topics)
        if not topics:
            return
        mouth = self._mouth
        if mouth is None:
            with self._making:
                mouth = self._mouth = self._mouth or Gathered(self._say, hints.INTERVAL)
        mouth.say(topics)

    def publish_now(self, topics: Iterable[str]) -> None:
        """As `publish`, with a statement of its own, made in this thread."""
        topics = list(topics)
        self._hub.tell(topics)
        self._say(topics)

    def _say(self, topics: Sequence[str]) -> None:
        packed = hints.payloads(self._own, topics)
        schema = self._location().schema
        self._send([(hints.channel(schema, about), text) for about, some in packed.items() for text in some])

    def subscribe(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """See `base.Store.subscribe`."""
        listening = self._hub.subscribe(topics, callback)
        if not self._location().pooled:
            ear = self._ear
            if ear is None:
                with self._making:
                    ear = self._ear = self._ear or Ear(self._location(), self._hub, self._own)
            ear.listen({kind(topic) for topic in listening.topics})
        return listening

    def subscribe_here(self, topics: Iterable[str], callback: Callable[[], object]) -> Subscription:
        """As `subscribe`, for what this process says."""
        return self._hub.subscribe(topics, callback)

    def close(self) -> None:
        """Forget who listens, say what is left to say, and let go of the connection."""
        self._hub.clear()
        with self._making:
            ear, mouth, self._ear, self._mouth = self._ear, self._mouth, None, None
        if mouth is not None:
            mouth.close()
        if ear is not None:
            ear.close()
