"""A line between the store and its server that can be cut, and can fall silent with all its connections still open."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Self


class Proxy:
    """Listens on a port of the loopback and hands on to a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._loop = asyncio.new_event_loop()
        self._light = asyncio.Event()
        self._light.set()
        self._pairs: set[_Pair] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Every connection is reset; new ones can be made."""
        self._do(lambda: [pair.end() for pair in list(self._pairs)])

    def hush(self) -> None:
        """Nothing passes any more on the connections there are, and neither end is told. New ones can be made."""
        self._do(lambda: [pair.hush() for pair in list(self._pairs)])

    def darken(self) -> None:
        """As `hush`, and on new connections nothing passes either, until `lighten`."""
        self._do(self._light.clear)
        self.hush()

    def lighten(self) -> None:
        self._do(self._light.set)

    def forget(self) -> None:
        """The silent connections end at last."""
        self._do(lambda: [pair.end() for pair in list(self._pairs) if pair.silent])

    def _do(self, what: object) -> None:
        async def call() -> None:
            what()  # type: ignore[operator]

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._meet, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for pair in list(self._pairs):
            pair.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._light.wait()
            far_reader, far_writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            writer.transport.abort()
            return
        except asyncio.CancelledError:
            writer.transport.abort()
            return
        pair = _Pair(writer, far_writer)
        self._pairs.add(pair)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(pair.pump(reader, far_writer), pair.pump(far_reader, writer))
        finally:
            pair.end()
            self._pairs.discard(pair)


class _Pair:
    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self._ended = asyncio.Event()
        self.silent = False

    def hush(self) -> None:
        self.silent = True

    def end(self) -> None:
        self._ended.set()
        for writer in self._writers:
            writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while not self._ended.is_set():
                some = await reader.read(65536)
                if self.silent:
                    await self._ended.wait()
                if not some:
                    break
                writer.write(some)
                await writer.drain()
        if not self.silent:
            self.end()
