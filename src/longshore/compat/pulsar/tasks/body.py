"""What the engine calls for a job: its own parameters without the consumer, plain or as a coroutine."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

from longshore.compat.pulsar.tasks.models import Job
from longshore.compat.pulsar.tasks.replies import pending
from longshore.compat.pulsar.tasks.task import TaskConsumer
from longshore.context import current
from longshore.errors import TaskError


def body_of(job: Job, backend: Any) -> Callable[..., Any]:
    """A function for `App.task`. TaskError: the job's callable does not take a consumer, or is no function."""
    call = job.__call__
    if inspect.isasyncgenfunction(call):
        raise TaskError(
            f'job "{job.name}" is an asynchronous generator: a task has one result. Return a list, or queue a task for '
            "each part"
        )

    def consumer() -> TaskConsumer:
        record = current().record
        return TaskConsumer(backend, record.worker, record.id, job)

    @functools.wraps(call)
    def plain(*args: Any, **kwargs: Any) -> Any:
        value = job(consumer(), *args, **kwargs)
        return asyncio.run(_settled(value)) if _unfinished(value) else value

    @functools.wraps(call)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        begun: list[asyncio.Future[Any]] = []
        pending.set(begun)
        try:
            return await _settled(job(consumer(), *args, **kwargs))
        finally:
            # What it queued and did not await is stored before its task ends.
            await _all(begun)

    is_coroutine = inspect.iscoroutinefunction(call) or inspect.isgeneratorfunction(call)
    body: Any = coroutine if is_coroutine else plain
    body.__signature__ = _without_consumer(job)
    return body  # type: ignore[no-any-return]


def _without_consumer(job: Job) -> inspect.Signature:
    signature = inspect.signature(job.__call__)
    parameters = list(signature.parameters.values())
    first = parameters[0] if parameters else None
    if first is None or first.kind in (first.KEYWORD_ONLY, first.VAR_KEYWORD):
        raise TaskError(
            f'job "{job.name}" takes no consumer: write def __call__(self, consumer, ...) in class {type(job).__qualname__}'
        )
    rest = parameters if first.kind is first.VAR_POSITIONAL else parameters[1:]
    return signature.replace(parameters=rest)


def _unfinished(value: Any) -> bool:
    return inspect.isawaitable(value) or inspect.isgenerator(value)


async def _all(begun: list[asyncio.Future[Any]]) -> None:
    waiting = [future for future in begun if not future.done()]
    if waiting:
        await asyncio.gather(*waiting)


async def _settled(value: Any) -> Any:
    """The value itself; of an awaitable what it gives, of a generator what it returns."""
    while _unfinished(value):
        value = await (_driven(value) if inspect.isgenerator(value) else value)
    return value


async def _driven(generator: Generator[Any, Any, Any]) -> Any:
    """Run a generator as a coroutine: what it yields is awaited and sent back; what that raises is thrown in."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            asked = generator.send(value) if error is None else generator.throw(error)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            if asked is None:
                await asyncio.sleep(0)
            else:
                value = await _settled(asked)
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as raised:
            error = raised
