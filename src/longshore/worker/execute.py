"""One execution: decode → validate → middleware → function → Outcome. No store in sight.

The worker's executors, eager mode and ``app.run(job)`` all come through here.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from longshore.context import enter
from longshore.dice import chance
from longshore.errors import Discard, NotEncodable, Snooze
from longshore.failpoint import hit
from longshore.middleware.base import Middleware
from longshore.model import EXPIRED, Failure, JobRecord, expired
from longshore.outcome import Cancelled, Done, Failed, Held, Outcome, Snoozed
from longshore.worker.run import Run

TRACEBACK_LIMIT = 16 * 1024
MESSAGE_LIMIT = 2 * 1024
_PACKAGE = str(Path(__file__).parent.parent)

Layers = Sequence[Generator[None, Outcome, Outcome | None]]


class Execution:
    """How runs are made: with which middleware, on which clock, and with which limit on a result's size."""

    def __init__(self, middleware: Sequence[Middleware], clock: Callable[[], float], max_result: int) -> None:
        self._middleware = middleware
        self._clock = clock
        self._max_result = max_result

    def run(self, run: Run) -> Outcome:
        """Run a sync function here, in this thread, to its outcome. Never raises."""
        begun = self._begin(run)
        if not isinstance(begun, tuple):
            return begun
        args, kwargs = begun
        if self._middleware:
            return self._run_wrapped(run, args, kwargs)
        try:
            value = run.task.invoke(run.context, args, kwargs)
        except BaseException as error:
            return self._raised(run, error)
        return self._returned(run, value)

    async def arun(self, run: Run) -> Outcome:
        """Run a coroutine function here, in this asyncio task, to its outcome. Never raises."""
        begun = self._begin(run)
        if not isinstance(begun, tuple):
            return begun
        args, kwargs = begun
        if self._middleware:
            return await self._arun_wrapped(run, args, kwargs)
        try:
            value = await run.task.invoke(run.context, args, kwargs)
        except BaseException as error:
            return self._raised(run, error)
        return self._returned(run, value)

    def _begin(self, run: Run) -> Outcome | tuple[tuple[Any, ...], dict[str, Any]]:
        """The decoded arguments; or what it comes to without being called."""
        hit("run.before")
        job = run.job
        if run.stop is not None:
            return run.stop
        if job.cancel_requested:
            return Cancelled(None)
        if job.expires_at is not None and expired(job, self._clock()):
            return Cancelled(EXPIRED)
        try:
            begun = run.task.signature.load(job.args)
        except Exception as error:  # mostly Undecodable; a type of the user's may raise anything
            # Neither lost nor tried again and again: a newer release, or a person, may know what to do with it.
            return Held(f"its arguments cannot be decoded: {error}")
        enter(run.context)
        return begun

    # -- with middleware ---------------------------------------------------------------------------------------

    def _run_wrapped(self, run: Run, args: Any, kwargs: Any) -> Outcome:
        layers: list[Generator[None, Outcome, Outcome | None]] = []
        try:
            self._enter(run, layers)
            value = run.task.invoke(run.context, args, kwargs)
            outcome = self._returned(run, value)
        except BaseException as error:
            outcome = self._raised(run, error)
        return self._leave(run, layers, outcome)

    async def _arun_wrapped(self, run: Run, args: Any, kwargs: Any) -> Outcome:
        layers: list[Generator[None, Outcome, Outcome | None]] = []
        try:
            self._enter(run, layers)
            value = await run.task.invoke(run.context, args, kwargs)
            outcome = self._returned(run, value)
        except BaseException as error:
            outcome = self._raised(run, error)
        return self._leave(run, layers, outcome)

    def around(self, run: Run, call: Callable[[], Outcome]) -> Outcome:
        """Put the middleware around a run that happens elsewhere."""
        if not self._middleware:
            return call()
        layers: list[Generator[None, Outcome, Outcome | None]] = []
        try:
            self._enter(run, layers)
            outcome = call()
        except BaseException as error:
            outcome = self._raised(run, error)
        return self._leave(run, layers, outcome)

    def _enter(self, run: Run, layers: list[Generator[None, Outcome, Outcome | None]]) -> None:
        for middleware in self._middleware:
            layer = middleware.running(run.context, run.task)
            next(layer)
            layers.append(layer)

    def _leave(self, run: Run, layers: Layers, outcome: Outcome) -> Outcome:
        for layer in reversed(layers):
            try:
                layer.send(outcome)
                layer.close()  # it yields more than once
            except StopIteration as stop:
                if stop.value is not None:
                    outcome = self._checked(run, stop.value)
            except BaseException as error:
                outcome = self._raised(run, error)
        return outcome

    def _checked(self, run: Run, value: object) -> Outcome:
        if isinstance(value, Outcome):
            return value
        return self.failed(run, TypeError(f"a middleware returned {value!r:.80}, which is no outcome"))

    # -- to an outcome -------------------------------------------------------------------------------------------

    def _returned(self, run: Run, value: Any) -> Outcome:
        # Stopped by time-out yet it returned: a thread cannot be stopped, so its lateness is the failure. One that was only
        # asked to cancel and finished all the same has finished.
        if run.stop is None and run.late():  # nobody looked in time to tell it
            run.halt(timed_out(self, run))
        if isinstance(run.stop, Failed):
            return run.stop
        try:
            result = run.task.encode_result(value)
            if len(result) > self._max_result:
                raise NotEncodable(
                    f"{run.task.name} returned {len(result):,} bytes; results are limited to {self._max_result:,}. "
                    "Store large results elsewhere and return where, or raise App(max_result=...)."
                )
        except Exception as error:
            return Failed(self._failure(run, error), None)
        return Done(result)

    def _raised(self, run: Run, error: BaseException) -> Outcome:
        if run.stop is not None:
            return run.stop
        if isinstance(error, Snooze):
            return Snoozed(error.delay)
        if isinstance(error, Discard):
            return Cancelled(error.reason or "discarded by the task")
        return self.failed(run, error)

    def failed(self, run: Run, error: BaseException) -> Failed:
        """What an error means: the failure as it is stored, and when to run again by the task's policy."""
        job = run.job
        policy = run.task.options.retry
        retry_in = None
        if policy is not None:
            age = self._clock() - job.created_at
            retry_in = policy.decide(error, job.failures, age, chance())
        return Failed(self._failure(run, error), retry_in)

    def _failure(self, run: Run, error: BaseException) -> Failure:
        return describe(error, run.job, self._clock())


def describe(error: BaseException, job: JobRecord, now: float) -> Failure:
    """An exception as it is stored: text only, capped, without our own frames; whatever its ``__str__`` does."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except BaseException:
        message = f"(its __str__ raised; a {name})"
    try:
        text = "".join(traceback.format_exception(kind, error, _users(error.__traceback__)))
    except BaseException:
        text = f"{name}: {message} (its traceback could not be written)"
    return Failure(
        name,
        _text(message, MESSAGE_LIMIT),
        _text(text, TRACEBACK_LIMIT),
        job.attempt,
        now,
        job.worker,
        job.started_at,
    )


def _users(tb: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's first frame on; all of it where there is none."""
    first = tb
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        first = first.tb_next
    return first or tb


def _text(text: str, limit: int) -> str:
    # Lone surrogates and NUL cannot be stored by every store; a failure must always be.
    text = text.encode("utf-8", "replace").decode().replace("\0", "\\0")
    if len(text) <= limit:
        return text
    return f"{text[: limit // 4]}\n… {len(text) - limit:,} characters left out …\n{text[-(limit - limit // 4) :]}"


def timed_out(execution: Execution, run: Run) -> Failed:
    """What a run that outlived its time-out comes to."""
    return execution.failed(
        run, TimeoutError(f"{run.task.name} ran longer than its timeout of {run.task.options.timeout} s")
    )
