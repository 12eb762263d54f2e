"""``app.schedules`` for coroutines."""

from __future__ import annotations

import contextvars
import threading

import pytest

from longshore import App, ConfigError, every
from longshore.middleware import Middleware
from longshore.task import Request


async def test_every_verb_has_a_form_for_coroutines(app: App) -> None:
    @app.task
    def note(what: str) -> str:
        return what

    schedules = app.schedules
    planned = await schedules.aput("often", every(60), note, args=("x",), overlap="skip", queue="other")
    assert (planned.key, planned.task, planned.entry.overlap) == ("often", note.name, "skip")
    assert await schedules.aget("often") == planned == schedules.get("often")
    assert list(await schedules.alist()) == ["often"]
    assert (await schedules.apause("often")).paused is not None
    job = await schedules.atrigger("often")
    assert job.queue == "other"
    assert await schedules.atrigger("often") == job, "it does not overlap"
    async with app.worker():
        assert await job.aresult(timeout=10) == "x"
    assert (await schedules.aresume("often")).paused is None
    assert await schedules.aremove("often")
    assert not await schedules.aremove("often")
    assert await schedules.aget("often") is None
    for verb in (schedules.apause, schedules.aresume, schedules.atrigger):
        with pytest.raises(ConfigError, match='there is no schedule "often"'):
            await verb("often")
    with pytest.raises(ConfigError, match="there is no task"):
        await schedules.aput("x", every(60), "nope")


async def test_middleware_sees_the_callers_own_context() -> None:
    user = contextvars.ContextVar("user", default="nobody")
    seen: list[tuple[str, int]] = []

    class Who(Middleware):
        def enqueueing(self, request: Request) -> Request:
            seen.append((user.get(), threading.get_ident()))
            return request

    app = App("memory://", middleware=[Who()])
    note = app.task(name="note")(lambda: None)
    await app.schedules.aput("often", every(60), note)
    user.set("ann")
    await app.schedules.atrigger("often")
    assert ("ann", threading.get_ident()) in seen
    await app.aclose()
