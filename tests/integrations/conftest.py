import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web


class AiohttpSite:
    """A real aiohttp server on a free port, and a client that talks to it."""

    def __init__(self, runner: web.AppRunner, client: aiohttp.ClientSession, url: str) -> None:
        self.runner, self.client, self.url = runner, client, url

    async def text(self, path: str) -> str:
        async with self.client.get(self.url + path) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def leave(self, path: str, arrived: asyncio.Event) -> None:
        """Ask, and hang up once the handler has begun."""
        asking = asyncio.create_task(self.client.get(self.url + path))
        await asyncio.wait_for(arrived.wait(), 10)
        asking.cancel()
        await asyncio.wait([asking])

    async def stop(self) -> None:
        await self.runner.cleanup()


@asynccontextmanager
async def aiohttp_site(app: web.Application, **options: Any) -> AsyncIterator[AiohttpSite]:
    runner = web.AppRunner(app, **options)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as client:
            yield AiohttpSite(runner, client, f"http://{host}:{port}")
    finally:
        await runner.cleanup()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(app: web.Application, **options: Any) -> AiohttpSite:
            return await stack.enter_async_context(aiohttp_site(app, **options))

        yield start


class UvicornServer(uvicorn.Server):
    """A real uvicorn in the test's own loop, which leaves the process's signals alone."""

    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, lifespan="on", log_level="error", timeout_graceful_shutdown=5))
        self.ready = asyncio.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.task = asyncio.create_task(self._serve([self.listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def stop(self) -> None:
        self.should_exit = True
        await self.task
        self.listener.close()


@pytest.fixture
async def serve_asgi() -> AsyncIterator[Callable[..., Any]]:
    servers: list[UvicornServer] = []

    async def start(app: Any) -> UvicornServer:
        server = UvicornServer(app)
        servers.append(server)
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait([ready, server.task], return_when="FIRST_COMPLETED")
        ready.cancel()
        assert server.started, "it did not start; see the log"
        return server

    yield start
    for server in servers:
        await server.stop()
