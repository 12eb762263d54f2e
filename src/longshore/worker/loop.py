"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Self


class LoopThread:
    """``with LoopThread() as own:`` runs ``own.loop`` until the end of the block; tasks still in it are cancelled then."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="longshore-loop", daemon=True)
        self.ident = 0
        self.loop: asyncio.AbstractEventLoop

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ident = threading.get_ident()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stop is not None
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(2.0)
