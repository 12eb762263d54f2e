"""One shape around every run and every enqueue."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from longshore import App, Discard, JobCancelled, JobFailed, Retry, Snooze
from longshore.errors import ConfigError, TaskError
from longshore.middleware.base import Middleware
from longshore.outcome import Cancelled, Done, Outcome
from longshore.testing.waiting import until

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")
Layer = Generator[None, Outcome, Outcome | None]


class Traced(Middleware):
    """Writes down when it is passed, and what it saw."""

    def __init__(self, name: str, trace: list[str]) -> None:
        self.name, self.trace = name, trace

    def running(self, context: Any, task: Any) -> Layer:
        self.trace.append(f"{self.name} before {task.name}")
        outcome = yield
        self.trace.append(f"{self.name} after {type(outcome).__name__}")
        return None

    def enqueueing(self, request: Any) -> Any:
        self.trace.append(f"{self.name} enqueueing")
        return request


def run(url: str, *layers: Middleware, **options: Any) -> Any:
    """An app with these, its worker, and a sync and an async task that return ``tenant``."""
    return App(url, middleware=layers, **options)


def test_the_first_is_the_outermost(url: str) -> None:
    trace: list[str] = []
    with run(url, Traced("outer", trace), Traced("inner", trace)) as app:

        @app.task(name="sync")
        def sync() -> None:
            trace.append("body")

        @app.task(name="async")
        async def coroutine() -> None:
            trace.append("body")

        for task in (sync, coroutine):
            trace.clear()
            with app.worker():
                task.enqueue().wait(20)
            assert trace == [
                "outer enqueueing",
                "inner enqueueing",
                f"outer before {task.name}",
                f"inner before {task.name}",
                "body",
                "inner after Done",
                "outer after Done",
            ]


def test_it_sees_failures_and_steering(url: str) -> None:
    trace: list[str] = []
    with run(url, Traced("it", trace)) as app:

        @app.task(retry=Retry(1, delay=0, jitter=False))
        async def work(ctx: Any) -> None:
            if ctx == 1:
                raise ValueError
            raise Discard("no")

        with app.worker():
            with pytest.raises(JobFailed):
                work.enqueue(1).result(20)
            with pytest.raises(JobCancelled, match="no"):
                work.enqueue(2).result(20)
        assert [line for line in trace if "after" in line] == ["it after Failed"] * 2 + ["it after Cancelled"]


def test_contextvars_set_before_reach_the_body(url: str) -> None:
    class Tenant(Middleware):
        def running(self, context: Any, task: Any) -> Layer:
            tenant.set(f"tenant of {task.name}")
            yield
            return None

    with run(url, Tenant()) as app:

        @app.task(name="sync")
        def sync() -> str:
            return tenant.get()

        @app.task(name="async")
        async def coroutine() -> str:
            return tenant.get()

        with app.worker(concurrency=1):
            assert sync.enqueue().result(20) == "tenant of sync"
            assert coroutine.enqueue().result(20) == "tenant of async"
    assert tenant.get() == "nobody"


def test_what_it_returns_replaces_the_outcome(url: str) -> None:
    class Forgiving(Middleware):
        def running(self, context: Any, task: Any) -> Layer:
            outcome = yield
            return None if isinstance(outcome, Done) else Cancelled("forgiven")

    trace: list[str] = []
    with run(url, Traced("outer", trace), Forgiving()) as app:

        @app.task
        def work(fail: bool) -> str:
            if fail:
                raise ValueError
            return "fine"

        with app.worker():
            assert work.enqueue(False).result(20) == "fine"
            with pytest.raises(JobCancelled, match="forgiven"):
                work.enqueue(True).result(20)
    assert trace[-1] == "outer after Cancelled"


@pytest.mark.parametrize("steering", ["snooze", "discard", "error"])
def test_it_steers_before_the_function_is_called(url: str, steering: str) -> None:
    bodies: list[int] = []

    class Gate(Middleware):
        def running(self, context: Any, task: Any) -> Layer:
            if steering == "discard":
                raise Discard("closed")
            if steering == "error":
                raise PermissionError("closed")
            if context.attempt == 1:
                raise Snooze(0)
            yield
            return None

    trace: list[str] = []
    with run(url, Traced("outer", trace), Gate()) as app:

        @app.task
        def work() -> int:
            bodies.append(1)
            return 1

        with app.worker():
            job = work.enqueue().wait(20)
        ends = {"snooze": "succeeded", "discard": "cancelled", "error": "failed"}
        assert job.state == ends[steering]
        assert bodies == ([1] if steering == "snooze" else [])
        assert job.record.failures == (1 if steering == "error" else 0)
    assert any(line.startswith("outer after") for line in trace)


@pytest.mark.parametrize("fault", ["raises", "yields twice", "never yields", "wrong outcome"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_broken_one_fails_the_job_and_not_the_worker(url: str, fault: str, kind: str) -> None:
    class Broken(Middleware):
        def running(self, context: Any, task: Any) -> Any:
            if fault == "never yields":
                return
            yield
            if fault == "raises":
                raise ZeroDivisionError
            if fault == "yields twice":
                try:
                    yield
                finally:
                    yield
            return "no outcome"

    with run(url, Broken()) as app:

        @app.task(name="sync")
        def sync() -> None: ...

        @app.task(name="async")
        async def coroutine() -> None: ...

        with app.worker() as worker:
            job = app.tasks[kind].enqueue().wait(20)
            assert job.state == "failed"
            assert job.error is not None
            # Whoever waits may hear of the end before the worker has the store's answer.
            until(lambda: worker.running == 0, "the worker to let go")


def test_it_may_change_or_refuse_an_enqueue(url: str) -> None:
    class Doorman(Middleware):
        def enqueueing(self, request: Any) -> Any:
            if request.queue == "forbidden":
                raise PermissionError("not that queue")
            return msgspec.structs.replace(request, headers={"tenant": "t1"}, priority=9)

    with run(url, Doorman()) as app:

        @app.task
        def work() -> None: ...

        with pytest.raises(PermissionError):
            work.using(queue="forbidden").enqueue()
        with pytest.raises(PermissionError):
            app.enqueue_many([work.call(), work.using(queue="forbidden").call()])
        assert app.store.count() == {}
        record = work.enqueue().refresh().record
        assert record.priority == 9
        assert msgspec.msgpack.decode(record.headers or b"") == {"tenant": "t1"}


class Audited(Middleware):
    options: ClassVar = {"audit": False, "owner": "nobody"}

    def running(self, context: Any, task: Any) -> Layer:
        outcome = yield
        if task.extra["audit"] and isinstance(outcome, Done):
            return Cancelled(f"audited for {task.extra['owner']}")
        return None


def test_declared_options_are_accepted_and_misspelt_ones_refused(url: str) -> None:
    with run(url, Audited()) as app:

        @app.task(audit=True, owner="me", queue="q")
        def audited() -> None: ...

        @app.task
        def plain() -> str:
            return "plain"

        assert audited.extra == {"audit": True, "owner": "me"}
        assert plain.extra == {"audit": False, "owner": "nobody"}
        with pytest.raises(TaskError, match=r'no option "audti".*audit'):
            app.task(name="x", audti=True)(lambda: None)
        with app.worker():
            assert plain.enqueue().result(20) == "plain"
            with pytest.raises(JobCancelled, match="audited for me"):
                audited.enqueue().result(20)
    with App(url) as app, pytest.raises(ConfigError, match='no option "audit"'):
        app.task(name="x", audit=True)(lambda: None)


def test_eager_and_inline_runs_go_through_it_too(tmp_path: Path) -> None:
    trace: list[str] = []
    with App(eager=True, middleware=[Traced("it", trace)]) as app:

        @app.task(name="work")
        def work() -> int:
            return os.getpid()

        assert work.enqueue().result() == os.getpid()
    assert trace == ["it enqueueing", "it before work", "it after Done"]
