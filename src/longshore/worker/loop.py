"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Self


class LoopThread:
    """``with LoopThread(died) as own:`` runs ``own.loop`` until the end of the block; tasks still in it are cancelled then.

    ``died`` is told, in that thread, should the loop end before.
    """

    def __init__(self, died: Callable[[BaseException], object]) -> None:
        self._died = died
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="longshore-loop", daemon=True)
        self.ident = 0
        self.loop: asyncio.AbstractEventLoop

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            # A callback of the user's raised SystemExit, or stopped the loop under us.
            self._ready.set()
            self._died(error)

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
        with contextlib.suppress(RuntimeError):  # it ended before
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(2.0)
