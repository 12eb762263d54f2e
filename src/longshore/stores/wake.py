"""Hints between the processes of one machine: a folder of sockets beside the store's file.

Each process that listens has one Unix datagram socket there, under one name for each kind of topic it listens to. So a
publisher sees in one listing whom to tell, and with nobody there a hint costs that listing. Nothing depends on a
hint: every reader also looks by itself now and then.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from longshore.stores.hints import Callback, Hub, Listening, kind

#: Above this many bytes a datagram says only "something of this kind".
_LARGEST: Final = 16_384
_EVERYTHING: Final = "*"
#: A socket's address has 104 bytes on macOS, 108 on Linux; names in the folder have at most 24.
_LONGEST_FOLDER: Final = 76

logger = logging.getLogger("longshore.stores")


class Wake:
    """Tells and hears hints. Nothing here raises: a lost hint is only late."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)
        self._fresh()

    def _fresh(self) -> None:
        self._hub = Hub(self._listen)
        self._lock = threading.RLock()
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._kinds: frozenset[str] = frozenset()
        self._ear: _Ear | None = None
        self._mouth: socket.socket | None = None

    def subscribe(self, topics: Iterable[str], callback: Callback) -> Listening:
        """Call back when one of the topics is published in any process."""
        return self._hub.subscribe(topics, callback)

    def publish(self, topics: Iterable[str]) -> None:
        """Tell this process, then the others that listen to such topics."""
        topics = list(topics)
        self._hub.tell(topics)
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        others = [name for name in names if not name.endswith(self._name)]
        if others and topics:
            with self._lock:
                self._send(others, topics)

    def close(self) -> None:
        """Stop listening and leave no socket behind."""
        self._hub.clear()
        with self._lock:
            if self._ear is not None:
                self._ear.close()
                self._ear = None
            if self._mouth is not None:
                self._mouth.close()
                self._mouth = None
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)

    def forked(self) -> None:
        """In a child: the parent's socket and subscriptions are not ours."""
        for held in (self._ear, self._mouth):
            if held is not None:
                held.detach()
        self._fresh()

    def _send(self, names: list[str], topics: list[str]) -> None:
        kinds: dict[str, list[str]] = {}
        for topic in topics:
            kinds.setdefault(kind(topic), []).append(topic)
        for name in names:
            about = name.partition("-")[0]
            if about in kinds:
                self._sendto(name, _packed(about, kinds[about]))

    def _sendto(self, name: str, data: bytes) -> None:
        if self._mouth is None:
            self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._mouth.setblocking(False)
        try:
            with _short(self._folder) as folder:
                self._mouth.sendto(data, f"{folder}/{name}")
        except OSError as error:
            # ECONNREFUSED: its process was killed. A full buffer (EAGAIN) means that it has enough to wake up for.
            if error.errno == errno.ECONNREFUSED:
                owner = name.partition("-")[2]
                for left in (name, f"bound-{owner}"):
                    with contextlib.suppress(OSError):
                        os.unlink(f"{self._folder}/{left}")

    def _listen(self, kinds: frozenset[str]) -> None:
        """Be in the folder under exactly the names of these kinds."""
        with self._lock:
            for attempt in range(3):
                try:
                    self._rename(kinds)
                    return
                except OSError as error:
                    # The last one to leave the folder removes it, perhaps just before we come in.
                    if attempt == 2 or not isinstance(error, FileNotFoundError):
                        logger.debug("no hints from other processes in %r: %s", self._folder, error)
                        return

    def _rename(self, kinds: frozenset[str]) -> None:
        if self._ear is None and kinds:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            for name in os.listdir(self._folder):
                if name.startswith("bound-"):
                    self._sendto(name, b"")  # removes it if nobody is behind it any more
            self._ear = _Ear(self._folder, self._name, self._hub)
        if self._ear is not None:
            self._ear.known_as(kinds)


@contextlib.contextmanager
def _short(folder: str) -> Iterator[str]:
    """The folder under a name short enough for a socket's address; OSError where there is none."""
    if len(os.fsencode(folder)) <= _LONGEST_FOLDER:
        yield folder
    elif os.path.isdir("/proc/self/fd"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
    else:
        raise OSError(errno.ENAMETOOLONG, "the path is too long for a socket", folder)


class _Ear:
    """One bound socket and the thread that waits on it."""

    def __init__(self, folder: str, name: str, hub: Hub) -> None:
        self._folder, self._name, self._hub = folder, name, hub
        self._kinds: frozenset[str] = frozenset()
        self._closed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # Bound under a name nobody sends to; `known_as` adds those that say what is listened to.
            with _short(folder) as base:
                self._socket.bind(f"{base}/bound-{name}")
            os.chmod(f"{folder}/bound-{name}", 0o600)
        except BaseException:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._hear, name="longshore-hints", daemon=True)
        self._thread.start()

    def known_as(self, kinds: frozenset[str]) -> None:
        for name in kinds - self._kinds:
            os.link(f"{self._folder}/bound-{self._name}", f"{self._folder}/{name}-{self._name}")
        for name in self._kinds - kinds:
            with contextlib.suppress(OSError):
                os.unlink(f"{self._folder}/{name}-{self._name}")
        self._kinds = kinds

    def close(self) -> None:
        for name in (*self._kinds, "bound"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._folder}/{name}-{self._name}")
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)
        self._socket.close()

    def detach(self) -> None:
        self._socket.close()

    def _hear(self) -> None:
        while True:
            try:
                data = self._socket.recv(_LARGEST)
            except OSError:
                return
            if self._closed:
                return
            _told(self._hub, data)


def _packed(about: str, topics: list[str]) -> bytes:
    data = msgspec.msgpack.encode([about, *topics])
    return data if len(data) <= _LARGEST else msgspec.msgpack.encode([about, _EVERYTHING])


def _told(hub: Hub, data: bytes) -> None:
    try:
        about, *topics = msgspec.msgpack.decode(data, type=list[str])
    except (msgspec.MsgspecError, ValueError):
        return
    if topics == [_EVERYTHING]:
        hub.tell_kind(about)
    else:
        hub.tell(topics)
