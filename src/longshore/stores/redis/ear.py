"""Hears the hints of other processes, on a connection and a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any, Final

import msgspec
from redis import exceptions

from longshore.dice import between
from longshore.stores.hints import Hub
from longshore.stores.redis.dialer import Line, dial
from longshore.stores.redis.faults import unheard
from longshore.stores.redis.location import Location

_TROUBLE: Final = (exceptions.RedisError, OSError)
#: seconds of silence after which the connection is tried, and after which it is given up
_SILENCE: Final = 3.0
#: seconds a new subscription waits for the server's word that it is one; the look of who waits covers what is missed
_CONFIRM: Final = 1.0

logger = logging.getLogger("longshore.stores")

_decode = msgspec.msgpack.Decoder(tuple[bytes, list[str]]).decode


class Ear:
    """Listens to one channel for each kind of topic somebody waits for. Comes back by itself; all look then."""

    def __init__(self, where: Location, hub: Hub, me: bytes) -> None:
        self._where, self._hub, self._me = where, hub, me
        self._more = threading.Condition()
        self._wanted: frozenset[str] = frozenset()
        self._heard: frozenset[str] = frozenset()
        self._line: Line | None = None
        self._closed = False
        self._missed = False
        #: the server is away: nobody is to wait for its word
        self._away = False
        self._told_so = False
        self._thread: threading.Thread | None = None

    def listen(self, kinds: frozenset[str]) -> None:
        """Hear exactly these kinds, soon: see `confirm`."""
        with self._more:
            gone, new, self._wanted = self._wanted - kinds, kinds - self._wanted, kinds
            if self._thread is None and kinds:
                self._thread = threading.Thread(target=self._run, name="longshore-hints", daemon=True)
                self._thread.start()
            elif self._line is not None:
                # The thread reads, others write: the two do not meet. Where it fails, the thread notices.
                with contextlib.suppress(*_TROUBLE):
                    self._send(self._line, "UNSUBSCRIBE", gone)
                    self._send(self._line, "SUBSCRIBE", new)

    def confirm(self) -> None:
        """Return when the server says that it will tell us, or after a moment. Not from within a callback."""
        with self._more:
            if threading.current_thread() is not self._thread:
                self._more.wait_for(
                    lambda: self._wanted <= self._heard or self._closed or self._away, _CONFIRM
                )

    def leave(self) -> None:
        """Listen elsewhere: where our keys are now."""
        with self._more:
            if self._line is not None:
                # Ends the read the thread is in: the server answers and hangs up.
                with contextlib.suppress(*_TROUBLE):
                    self._line.send_packed_command(self._line.pack_command("QUIT"))

    def close(self) -> None:
        """Stop listening."""
        with self._more:
            self._closed = True
            thread = self._thread
            self._more.notify_all()
            self.leave()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_SILENCE)

    def _send(self, line: Line, word: str, kinds: frozenset[str]) -> None:
        if kinds:
            names = [channel(self._where, kind) for kind in sorted(kinds)]
            line.send_packed_command(line.pack_command(word, *names))

    def _run(self) -> None:
        pause = 0.05
        while not self._closed:
            try:
                self._connect()
                pause = 0.05
                self._read()
            except _TROUBLE as error:
                self._say(error)
            self._hang_up()
            with self._more:
                self._more.wait_for(lambda: self._closed, pause * between(0.5, 1.0))
            pause = min(pause * 2, 2.0)

    def _say(self, error: Exception) -> None:
        forbidden = unheard(self._where.url, error)
        if forbidden is None:
            logger.debug("no hints from %s for now: %s", self._where.url, error)
        elif not self._told_so:
            self._told_so = True
            logger.warning(forbidden)

    def _connect(self) -> None:
        line = dial(self._where)
        with self._more:
            self._line, self._away = line, False
            self._send(line, "SUBSCRIBE", self._wanted)

    def _hang_up(self) -> None:
        with self._more:
            line, self._line, self._heard = self._line, None, frozenset()
            self._missed = self._away = True
            self._more.notify_all()
        if line is not None:
            line.disconnect()

    def _read(self) -> None:
        line = self._line
        assert line is not None
        tried = False
        while not self._closed:
            if line.can_read(_SILENCE):
                tried = False
                self._told(line.read_response())
            elif tried:
                raise exceptions.TimeoutError("silent")
            else:
                tried = True
                with self._more:
                    line.send_packed_command(line.pack_command("PING"))

    def _told(self, message: Any) -> None:
        if not isinstance(message, list):
            return
        if message[0] == b"message":
            told(self._hub, message[1].rpartition(b":")[2].decode(), message[2], self._me)
        elif message[0] in (b"subscribe", b"unsubscribe"):
            self._confirmed(message[1].rpartition(b":")[2].decode(), message[0] == b"subscribe")

    def _confirmed(self, kind: str, hearing: bool) -> None:
        with self._more:
            self._heard = self._heard | {kind} if hearing else self._heard - {kind}
            self._more.notify_all()
            missed, all_back = self._missed, self._wanted <= self._heard
            self._missed = missed and not all_back
        if missed and hearing:
            # What was said while we were away is unknown: everybody looks.
            self._hub.tell_kind(kind)


def channel(where: Location, kind: str) -> str:
    """Where hints of this kind are published."""
    return f"{where.prefix}hint:{kind}"


def told(hub: Hub, kind: str, data: bytes, me: bytes) -> None:
    """Hand a message on to those who wait for what it says; our own is known already."""
    try:
        sender, topics = _decode(data)
    except (msgspec.MsgspecError, ValueError):
        return
    if sender == me:
        return
    if topics:
        hub.tell(topics)
    else:
        hub.tell_kind(kind)
