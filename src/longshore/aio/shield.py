"""Work that goes on when the one who awaits it is cancelled, and that is not lost from sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Shields:
    """The shielded futures that are not done. Calls `ended()` after each, and `unheard` with an error nobody got."""

    __slots__ = ("_ended", "_inner", "_unheard")

    def __init__(
        self, ended: Callable[[], None], unheard: Callable[[asyncio.Future[Any], BaseException], None]
    ) -> None:
        self._inner: set[asyncio.Future[Any]] = set()
        self._ended = ended
        self._unheard = unheard

    def __len__(self) -> int:
        return len(self._inner)

    def cover(self, inner: asyncio.Future[T]) -> asyncio.Future[T]:
        """Return a future with the outcome of `inner` whose cancellation does not reach `inner`."""
        if inner.done():
            return inner
        outer: asyncio.Future[T] = inner.get_loop().create_future()

        def done(inner: asyncio.Future[T]) -> None:
            self._inner.discard(inner)
            error = None if inner.cancelled() else inner.exception()
            if not outer.done():
                _copy(inner, error, outer)
            elif error is not None:
                self._unheard(inner, error)
            self._ended()

        self._inner.add(inner)
        inner.add_done_callback(done)
        return outer

    def cancel(self) -> None:
        """Cancel them all."""
        for inner in list(self._inner):
            inner.cancel()

    def forget(self) -> None:
        """Wait no more for those that would not stop."""
        self._inner.clear()


def _copy(inner: asyncio.Future[T], error: BaseException | None, outer: asyncio.Future[T]) -> None:
    if inner.cancelled():
        outer.cancel()
    elif error is not None:
        outer.set_exception(error)
    else:
        outer.set_result(inner.result())
