import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from longshore.aio import Scheduler


class Reports(list[dict[str, Any]]):
    """An exception handler that keeps what it is given."""

    def __call__(self, scheduler: Scheduler, context: dict[str, Any]) -> None:
        self.append(context)

    @property
    def errors(self) -> list[BaseException]:
        return [context["exception"] for context in self]


class Stubborn:
    """Coroutines that swallow every cancellation until they are let go, so that tests end."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.swallowed = 0

    async def __call__(self, result: str = "late", error: BaseException | None = None) -> str:
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.swallowed += 1
        if error is not None:
            raise error
        return result


async def turns(count: int = 5) -> None:
    """Let the loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(name="turns")
def turns_fixture() -> Callable[..., Any]:
    return turns


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
async def stubborn() -> AsyncIterator[Stubborn]:
    stubborn = Stubborn()
    yield stubborn
    stubborn.released.set()
    await turns()


@pytest.fixture
async def make_scheduler(reports: Reports) -> AsyncIterator[Callable[..., Scheduler]]:
    made: list[Scheduler] = []

    def make(**options: Any) -> Scheduler:
        made.append(Scheduler(**{"exception_handler": reports, "close_timeout": 0.01, **options}))
        return made[-1]

    yield make
    for scheduler in made:
        await scheduler.close()


@pytest.fixture
async def scheduler(make_scheduler: Callable[..., Scheduler]) -> Scheduler:
    return make_scheduler()
