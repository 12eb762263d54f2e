"""A pooler in transaction mode, as small as can be: a client has a server session for one transaction, never for longer.

It speaks what pgbouncer speaks, with nothing remembered: each transaction gets the session that rested longest, so
whatever a client left in one (a setting, a prepared statement, LISTEN) is found by somebody else.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_SSL = 80877103
_PORT = 5432
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


class Pooler:
    """``sessions`` of the server's for any number of clients. ``strict``: start-up options are refused, not dropped."""

    def __init__(self, server: str, folder: Path, sessions: int, strict: bool) -> None:
        parts = urlsplit(server)
        self._socket = Path(unquote(parse_qs(parts.query)["host"][0])) / f".s.PGSQL.{_PORT}"
        self.database = parts.path.lstrip("/")
        self._folder, self._sessions, self._strict = folder, sessions, strict
        #: transactions it lent a session for
        self.lent = 0

    async def run(self, ready: threading.Event, stop: asyncio.Event) -> None:
        self._free: asyncio.Queue[_Streams] = asyncio.Queue()
        self._clients: set[asyncio.Task[None]] = set()
        for _ in range(self._sessions):
            self._free.put_nowait(await self._session())
        server = await asyncio.start_unix_server(self._client, str(self._folder / f".s.PGSQL.{_PORT}"))
        ready.set()
        await stop.wait()
        server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        while not self._free.empty():
            self._free.get_nowait()[1].close()

    async def _session(self) -> _Streams:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        words = f"user\0postgres\0database\0{self.database}\0client_encoding\0utf8\0\0".encode()
        writer.write(struct.pack("!II", len(words) + 8, 196608) + words)
        self._hello = b""
        while (message := await _message(reader))[:1] != b"Z":
            if message[:1] == b"S":
                self._hello += message
        return reader, writer

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]
        self._clients.add(task)
        try:
            if await self._welcome(reader, writer):
                await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(task)
            writer.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while True:
            length, code = struct.unpack("!II", await reader.readexactly(8))
            body = await reader.readexactly(length - 8)
            if code != _SSL:
                break
            writer.write(b"N")
        if self._strict and b"\0options\0" in b"\0" + body:
            writer.write(_packed(b"E", b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"))
            return False
        # The key is its own, as every pooler's: the server's sessions are not to be cancelled by one client.
        key = _packed(b"K", struct.pack("!II", 1, 1))
        writer.write(_packed(b"R", bytes(4)) + self._hello + key + _packed(b"Z", b"I"))
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asking = asyncio.create_task(_message(reader))
        while (await asking)[:1] != b"X":
            session = await self._free.get()
            self.lent += 1
            try:
                asking = await self._transaction(asking, (reader, writer), session)
            except BaseException:
                session[1].close()  # in the middle of something
                session = await self._session()
                raise
            finally:
                self._free.put_nowait(session)

    async def _transaction(
        self, asking: asyncio.Task[bytes], client: _Streams, session: _Streams
    ) -> asyncio.Task[bytes]:
        """Until the server says that it is in no transaction (I): it answers each simple query and each Sync with Z."""
        owed = 0
        answering = asyncio.create_task(_message(session[0]))
        while True:
            await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
            while answering.done():
                answer = answering.result()
                client[1].write(answer)
                owed -= answer[:1] == b"Z"
                if answer[:1] == b"Z" and answer[5:] == b"I" and not owed:
                    return asking
                answering = asyncio.create_task(_message(session[0]))
            if asking.done():
                message = asking.result()
                session[1].write(message)
                owed += message[:1] in (b"Q", b"S")
                asking = asyncio.create_task(_message(client[0]))


@contextmanager
def pooler(server: str, sessions: int = 3, strict: bool = False) -> Iterator[tuple[str, Pooler]]:
    """Its URL and itself, in front of a server on a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="lsp-", dir="/tmp") as folder:
        one = Pooler(server, Path(folder), sessions, strict)
        ready, loop = threading.Event(), asyncio.new_event_loop()
        stop = asyncio.Event()

        def run() -> None:
            loop.run_until_complete(one.run(ready, stop))
            loop.close()

        thread = threading.Thread(target=run, name="pooler")
        thread.start()
        try:
            assert ready.wait(10)
            yield f"postgresql://postgres@/{one.database}?host={folder}", one
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
