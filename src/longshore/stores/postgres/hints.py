"""Hints between processes: NOTIFY and LISTEN.

Channel names are hashes, for a name of more than 63 bytes would be an error. A commit with a NOTIFY takes a lock of the
whole cluster, so a process sends what has gathered at most once in `INTERVAL` and never within a hot statement. A hint
that is lost costs latency only: every reader also looks by itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from time import monotonic
from typing import Final

import msgspec

from longshore.errors import StoreError
from longshore.stores.hints import Hub, kind

INTERVAL: Final = 0.01
#: The server takes less than 8000 bytes.
_LARGEST: Final = 7900
#: With more than that, it is said only that something of this kind happened.
_MOST: Final = 8
_EVERYTHING: Final = "*"

logger = logging.getLogger("longshore.stores")


def channel(schema: str, about: str) -> str:
    """Where hints of a kind are told."""
    return "longshore_" + sha256(f"{schema}\0{about}".encode()).hexdigest()[:32]


def payloads(sender: str, topics: Iterable[str]) -> dict[str, list[str]]:
    """kind → what to send."""
    kinds: dict[str, list[str]] = {}
    for topic in topics:
        kinds.setdefault(kind(topic), []).append(topic)
    return {about: _packed(sender, found) for about, found in kinds.items()}


def _packed(sender: str, topics: list[str]) -> list[str]:
    packed: list[str] = []
    some = [sender]
    size = 0
    for topic in topics:
        more = len(msgspec.json.encode(topic)) + 1
        if more > _LARGEST // 2:
            return [_whole(sender)]
        if size + more > _LARGEST - 100:
            packed.append(msgspec.json.encode(some).decode())
            some, size = [sender], 0
        some.append(topic)
        size += more
    packed.append(msgspec.json.encode(some).decode())
    return packed if len(packed) <= _MOST else [_whole(sender)]


def _whole(sender: str) -> str:
    return msgspec.json.encode([sender, _EVERYTHING]).decode()


def told(hub: Hub, own: str, about: str, payload: str) -> None:
    """Pass on what another process said."""
    try:
        sender, *topics = msgspec.json.decode(payload, type=list[str])
    except (msgspec.MsgspecError, ValueError):
        return
    if sender == own:
        return
    if topics == [_EVERYTHING]:
        hub.tell_kind(about)
    else:
        hub.tell(topics)


class Mouth:
    """Tells other processes: at once after a silence, else a little later from a thread, together with what gathered."""

    def __init__(self, send: Callable[[list[str]], object]) -> None:
        self._send = send
        self._changed = threading.Condition()
        self._pending: dict[str, None] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._next = 0.0

    def say(self, topics: Sequence[str]) -> None:
        """Soon."""
        with self._changed:
            if self._closed:
                return
            now = monotonic()
            if self._pending or now < self._next:
                self._pending.update(dict.fromkeys(topics))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="longshore-notify", daemon=True)
                    self._thread.start()
                self._changed.notify()
                return
            self._next = now + INTERVAL
        self._say(topics)

    def close(self) -> None:
        """Say what is left, then no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    def _say(self, topics: Sequence[str]) -> None:
        try:
            self._send(list(topics))
        except StoreError as error:
            logger.debug("hints were not sent: %s", error)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                while (rest := self._next - monotonic()) > 0 and not self._closed:
                    self._changed.wait(rest)
                topics, self._pending = list(self._pending), {}
                if not topics:
                    return
                self._next = monotonic() + INTERVAL
            self._say(topics)
