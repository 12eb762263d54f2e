"""Who in this process wants to hear of which topic."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable

Callback = Callable[[], object]

EVERY_QUEUE = "queue:*"

logger = logging.getLogger("longshore.stores")


def kind(topic: str) -> str:
    """What a topic is about: ``queue``, ``job`` or ``leases``."""
    return topic.partition(":")[0]


class Listening:
    """One subscription; a `base.Subscription`."""

    def __init__(self, hub: Hub, topics: tuple[str, ...], callback: Callback) -> None:
        self._hub = hub
        self.topics = topics
        self.callback = callback

    def close(self) -> None:
        """No further calls back. Idempotent."""
        self._hub.remove(self)


class Hub:
    """Topics and the callbacks that wait for them.

    ``changed`` is told the kinds of topics anybody listens to, each time that set changes.
    """

    def __init__(self, changed: Callable[[frozenset[str]], object] | None = None) -> None:
        self._lock = threading.RLock()
        self._topics: dict[str, dict[Listening, None]] = {}
        self._kinds: Counter[str] = Counter()
        self._changed = changed

    def subscribe(self, topics: Iterable[str], callback: Callback) -> Listening:
        """Call back whenever one of the topics is told."""
        listening = Listening(self, tuple(dict.fromkeys(topics)), callback)
        with self._lock:
            for topic in listening.topics:
                if topic not in self._topics:
                    self._topics[topic] = {}
                    self._count(topic, 1)
                self._topics[topic][listening] = None
        return listening

    def remove(self, listening: Listening) -> None:
        """Forget a subscription; one forgotten already is no matter."""
        with self._lock:
            for topic in listening.topics:
                found = self._topics.get(topic, {})
                if listening in found:
                    del found[listening]
                    if not found:
                        del self._topics[topic]
                        self._count(topic, -1)

    def tell(self, topics: Iterable[str]) -> None:
        """Call back everyone who waits for one of the topics, each once."""
        if not self._topics:
            return
        with self._lock:
            found: dict[Listening, None] = {}
            for topic in topics:
                found.update(self._topics.get(topic, ()))
                if topic.startswith("queue:"):
                    found.update(self._topics.get(EVERY_QUEUE, ()))
        _call(found)

    def tell_kind(self, name: str) -> None:
        """Call back everyone who waits for any topic of this kind: it is not known which one it was."""
        with self._lock:
            found: dict[Listening, None] = {}
            for topic, listening in self._topics.items():
                if kind(topic) == name:
                    found.update(listening)
        _call(found)

    def clear(self) -> None:
        """Forget every subscription."""
        with self._lock:
            for topic in list(self._topics):
                del self._topics[topic]
                self._count(topic, -1)

    def _count(self, topic: str, step: int) -> None:
        name = kind(topic)
        before = self._kinds[name]
        self._kinds[name] = before + step
        if self._changed is not None and (before == 0 or before + step == 0):
            self._changed(frozenset(+self._kinds))


def _call(found: Iterable[Listening]) -> None:
    for listening in found:
        try:
            listening.callback()
        except Exception:
            # A hint is never worth an error in whoever published it.
            logger.exception("a subscriber's callback raised")
