"""TLS before a server that was built without: each connection is passed on to its Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CERTIFICATES = Path(__file__).parent / "certificates"


def certificate(name: str) -> str:
    """The path of one of ours."""
    return str(CERTIFICATES / name)


@contextmanager
def tls(socket: Path, *, wants_certificate: bool = False) -> Iterator[int]:
    """The port on the loopback where TLS is spoken; with ``wants_certificate``, only to those who show one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate("server.crt"), certificate("server.key"))
    if wants_certificate:
        context.load_verify_locations(certificate("ca.crt"))
        context.verify_mode = ssl.CERT_REQUIRED
    started = threading.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = await asyncio.open_unix_connection(str(socket))
            with contextlib.suppress(OSError):
                await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: None
        )  # clients' faults are the tests'
        stop = asyncio.Event()
        server = await asyncio.start_server(passed_on, "127.0.0.1", 0, ssl=context)
        found["port"] = server.sockets[0].getsockname()[1]
        found["stop"] = lambda loop=asyncio.get_running_loop(): loop.call_soon_threadsafe(stop.set)
        started.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield found["port"]
    finally:
        found["stop"]()
        thread.join()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
