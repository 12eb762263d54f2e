"""What the backend's calls give: something to await in a coroutine, and already done elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: what the running job began and may not have awaited
pending: ContextVar[list[asyncio.Future[Any]] | None] = ContextVar("pulsar.pending", default=None)
_alive: set[asyncio.Future[Any]] = set()


class Reply(Coroutine[Any, Any, T_co], Generic[T_co]):
    """The outcome of a call made where no event loop runs: it is there already. Awaitable, and with a future's words."""

    def __init__(self, call: Callable[[], T_co]) -> None:
        self._error: BaseException | None = None
        self._value: T_co | None = None
        try:
            self._value = call()
        except Exception as error:
            self._error = error

    def __repr__(self) -> str:
        return f"<Reply {self._error or self._value!r}>"

    def result(self, timeout: float | None = None) -> T_co:
        """The value; raises what the call raised."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the call raised."""
        return self._error

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call it with this, at once."""
        callback(self)

    def __await__(self) -> Generator[Any, Any, T_co]:
        yield from ()
        return self.result()

    def send(self, value: Any) -> Any:
        raise StopIteration(self.result())

    def throw(self, *error: Any) -> Any:
        raise error[-1] if isinstance(error[-1], BaseException) else error[0]

    def close(self) -> None: ...


def reply(here: Callable[[], T], there: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Future[T] | Reply[T]:
    """In a coroutine: a future of ``there()``, which goes on whether it is awaited or not. Elsewhere: ``here()``, done."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return Reply(here)
    future = loop.create_task(there())
    _alive.add(future)
    future.add_done_callback(_alive.discard)
    begun = pending.get()
    if begun is not None:
        begun.append(future)
    return future
