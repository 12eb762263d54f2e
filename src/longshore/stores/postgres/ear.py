"""Listens for hints on one connection of its own, for everybody in this process."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections.abc import Iterable
from time import monotonic
from typing import Final

import psycopg

from longshore.dice import between
from longshore.errors import StoreError
from longshore.stores.hints import Hub
from longshore.stores.postgres.connection import Connection, connect
from longshore.stores.postgres.hints import channel, told
from longshore.stores.postgres.location import Location

#: seconds of silence after which the connection is asked whether it is still there
_PING: Final = 5.0
_DEADLINE: Final = 3.0
#: how long a subscriber waits for the server's word that it listens
_PATIENCE: Final = 5.0
_LONGEST_PAUSE: Final = 2.0

logger = logging.getLogger("longshore.stores")


class Ear:
    """A thread that is always about to listen; it comes back by itself after every loss."""

    def __init__(self, location: Location, hub: Hub, own: str) -> None:
        self._location, self._hub, self._own = location, hub, own
        self._changed = threading.Condition()
        #: kind → its channel, for those to be listened to
        self._wanted: dict[str, str] = {}
        self._heard: frozenset[str] = frozenset()
        self._lost: set[str] = set()
        #: the server is away: nobody is to wait for its word
        self._away = False
        self._closed = False
        #: the pipe is closed: its numbers may be another's by now
        self._gone = False
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        self._thread = threading.Thread(target=self._run, name="longshore-hints", daemon=True)
        self._thread.start()

    def listen(self, kinds: Iterable[str]) -> None:
        """Listen to these kinds too, and return when the server does, or after a while."""
        asked = frozenset(kinds)
        if asked <= self._heard:
            return
        with self._changed:
            if self._closed:
                return
            self._wanted = {**self._wanted, **{one: channel(self._location.schema, one) for one in asked}}
            os.write(self._waker, b"w")
            # A wait in the ear's own thread, within a callback, would be for itself.
            if threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: asked <= self._heard or self._closed or self._away, _PATIENCE)

    def close(self) -> None:
        """Hear no more."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            if not self._gone:
                os.write(self._waker, b"w")
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _run(self) -> None:
        pause = 0.05
        while not self._closed:
            try:
                connection = connect(self._location, _DEADLINE, "longshore-hints")
            except StoreError as error:
                logger.debug("no hints: %s", error)
                self._part()
                self._rest(pause * between(0.5, 1.0))
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            with contextlib.closing(connection):
                try:
                    connection.add_notify_handler(lambda notify: self._tell(notify.channel, notify.payload))
                    self._listen(connection)
                    self._away, pause = False, 0.05
                    self._hear(connection)
                except (psycopg.Error, OSError, ValueError) as error:
                    logger.debug("the connection for hints was lost: %s", error)
            self._part()
        with self._changed:
            self._gone = True
            os.close(self._woken)
            os.close(self._waker)

    def _part(self) -> None:
        with self._changed:
            self._lost |= self._heard
            self._heard, self._away = frozenset(), True
            self._changed.notify_all()

    def _listen(self, connection: Connection) -> None:
        """Listen to what is wanted and not yet heard."""
        wanted = dict(self._wanted)
        new = wanted.keys() - self._heard
        for about in sorted(new):
            connection.execute(f"LISTEN {wanted[about]}".encode())
        with self._changed:
            self._heard = frozenset(wanted)
            self._changed.notify_all()
        # While the connection was lost, so may have been hints.
        for about in sorted(new & self._lost):
            self._hub.tell_kind(about)
        self._lost -= new

    def _hear(self, connection: Connection) -> None:
        ping = monotonic() + _PING
        while not self._closed:
            ready, _, _ = select.select(
                [connection.pgconn.socket, self._woken], [], [], max(0.0, ping - monotonic())
            )
            if connection.pgconn.socket in ready:
                connection.pgconn.consume_input()
                while (notify := connection.pgconn.notifies()) is not None:
                    self._tell(notify.relname.decode(), notify.extra.decode())
                if connection.pgconn.status != psycopg.pq.ConnStatus.OK:
                    return
            if self._woken in ready:
                self._quiet()
                self._listen(connection)
            if monotonic() >= ping:
                connection.execute("SELECT 1")
                ping = monotonic() + _PING

    def _tell(self, name: str, payload: str) -> None:
        for about, found in self._wanted.items():
            if found == name:
                told(self._hub, self._own, about, payload)

    def _rest(self, seconds: float) -> None:
        if select.select([self._woken], [], [], seconds)[0]:
            self._quiet()

    def _quiet(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._woken, 100):
                pass
