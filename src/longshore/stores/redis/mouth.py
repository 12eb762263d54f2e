"""Says hints to other processes, without waiting for an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from redis import exceptions

from longshore.stores.hints import kind
from longshore.stores.redis.dialer import Line, dial
from longshore.stores.redis.ear import channel
from longshore.stores.redis.faults import unheard
from longshore.stores.redis.location import Location

_TROUBLE: Final = (exceptions.RedisError, OSError)
#: above this many topics a message says only "something of this kind"
_MOST: Final = 1000
#: seconds in which no new connection is tried after one failed: a hint is not worth a wait
_SULK: Final = 1.0
#: seconds without any answer after which a connection is given up: what was said on it went nowhere
_UNANSWERED: Final = 3.0

logger = logging.getLogger("longshore.stores")


class Mouth:
    """A connection on which answers are read only to throw them away, before the next hint."""

    def __init__(self, where: Location, me: bytes) -> None:
        self._where, self._me = where, me
        self._lock = threading.Lock()
        self._line: Line | None = None
        #: answers to come, and since when the first of them is awaited
        self._owed = 0
        self._owed_since = 0.0
        self._silent_until = 0.0
        self._told_so = False

    def say(self, topics: Sequence[str]) -> None:
        """Publish; a hint that cannot be said is lost."""
        kinds: dict[str, list[str]] = {}
        for topic in topics:
            kinds.setdefault(kind(topic), []).append(topic)
        with self._lock:
            try:
                for about, found in kinds.items():
                    self._say(about, found if len(found) <= _MOST else [])
            except _TROUBLE as error:
                forbidden = unheard(self._where.url, error)
                if forbidden is not None and not self._told_so:
                    self._told_so = True
                    logger.warning(forbidden)
                logger.debug("a hint to %s is lost: %s", self._where.url, error)
                self._hang_up()
                self._silent_until = time.monotonic() + _SULK

    def close(self) -> None:
        """Hang up. A later hint connects again."""
        with self._lock:
            self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        self._owed = 0
        if line is not None:
            line.disconnect()

    def _say(self, about: str, topics: list[str]) -> None:
        line = self._line
        if line is None:
            if time.monotonic() < self._silent_until:
                return
            line = self._line = dial(self._where)
        else:
            line = self._heard_out(line)
        message = msgspec.msgpack.encode((self._me, topics))
        if not self._owed:
            self._owed_since = time.monotonic()
        self._owed += 1
        line.send_packed_command(line.pack_command("PUBLISH", channel(self._where, about), message))

    def _heard_out(self, line: Line) -> Line:
        """The same line with no answers waiting, or a new one where it was closed meanwhile."""
        try:
            while line.can_read(0):
                line.read_response()
                self._owed -= 1
                self._owed_since = time.monotonic()
            if self._owed > 0 and time.monotonic() - self._owed_since > _UNANSWERED:
                raise exceptions.ConnectionError("silent")
        except exceptions.ConnectionError:
            self._hang_up()
            line = self._line = dial(self._where)
        return line
