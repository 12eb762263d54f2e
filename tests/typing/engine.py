"""What type checkers must see of tasks: mypy (strict) and pyright read this file, nothing runs it.

A line marked ``type: ignore`` must be an error: an unused mark is one itself (mypy's warn_unused_ignores), so this file
fails both when a type is lost and when a wrong call is let through.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, assert_type

from longshore import App, Call, Context, Job, Retry

app = App("memory://")


@app.task
def thumbnail(path: Path, size: int = 128) -> Path:
    return path


@app.task(retry=Retry(5, backoff="exponential"), timeout=30, queue="mail")
async def send_mail(user_id: int, template: str) -> str:
    return template


@app.task(executor="process", retry=3, unique=True, keep=None)
def render(scene: bytes, *, quality: float = 1.0) -> bytes:
    return scene


@app.task
async def report(ctx: Context, month: str) -> int:
    return ctx.attempt


@app.task()
def count(ctx: Context, words: list[str]) -> int:
    return len(words)


class ResizeImage:
    queue = "images"

    def __call__(self, path: Path, width: int) -> tuple[int, int]:
        return width, width


class FetchPage:
    async def __call__(self, url: str) -> bytes:
        return url.encode()


# mypy does not see what a decorator makes of a class, so typed programs call it; pyright sees both.
resize = app.task(ResizeImage)
fetch = app.task(timeout=5)(FetchPage)


@app.task
def loose(first: Any, second: int = 1) -> str:
    return str(first)


@app.task
def anything(first: object) -> str:
    return str(first)


@app.task
def nothing() -> None: ...


def through_enqueue() -> None:
    job = thumbnail.enqueue(Path("a.png"), size=3)
    assert_type(job, Job[Path])
    assert_type(job.result(timeout=5), Path)
    assert_type(send_mail.enqueue(42, "welcome"), Job[str])
    assert_type(render.enqueue(b"", quality=0.5), Job[bytes])
    assert_type(report.enqueue("may"), Job[int])
    assert_type(count.enqueue(["a"]), Job[int])
    assert_type(resize.enqueue(Path("a"), 3), Job[tuple[int, int]])
    assert_type(fetch.enqueue("x"), Job[bytes])
    assert_type(nothing.enqueue(), Job[None])
    # Any leaves a type checker no way to tell; it must only not be an error.
    text: str = loose.enqueue(1, second=2).result()
    _ = text
    assert_type(anything.enqueue(1), Job[str])


async def through_aenqueue() -> None:
    job = await send_mail.aenqueue(42, template="welcome")
    assert_type(job, Job[str])
    assert_type(await job, str)
    assert_type(await job.aresult(), str)
    assert_type(await thumbnail.aenqueue_many([(Path("a"),), {"path": Path("b")}]), list[Job[Path]])
    assert_type(await thumbnail.using(delay=3).aenqueue(Path("a")), Job[Path])


def through_using_and_call() -> None:
    mail = send_mail.using(delay=60, priority=5, unique="u42")
    assert_type(mail.enqueue(42, "welcome"), Job[str])
    assert_type(mail.using(queue="slow").enqueue(42, "welcome").result(), str)
    assert_type(thumbnail.call(Path("a")), Call[Path])
    assert_type(thumbnail.call(Path("a")).enqueue(), Job[Path])
    assert_type(thumbnail.enqueue_many([thumbnail.call(Path("a")), (Path("b"), 3)]), list[Job[Path]])


def through_plain_calls() -> None:
    assert_type(thumbnail(Path("a")), Path)
    mail, made = send_mail(1, "x"), report("may")
    _ = assert_type(mail, Coroutine[Any, Any, str])
    _ = assert_type(made, Coroutine[Any, Any, int])
    assert_type(resize(Path("a"), 3), tuple[int, int])


def refused() -> None:
    thumbnail.enqueue("a.png")  # type: ignore[arg-type]
    thumbnail.enqueue()  # type: ignore[call-arg]
    thumbnail.enqueue(Path("a"), colour="red")  # type: ignore[call-arg]
    send_mail.enqueue("42", "welcome")  # type: ignore[arg-type]
    send_mail.using(delay=60).enqueue(42)  # type: ignore[call-arg]
    send_mail.using(dealy=60)  # type: ignore[call-arg]
    report.enqueue(5)  # type: ignore[arg-type]
    resize.enqueue("a", 3)  # type: ignore[arg-type]
    fetch.enqueue(5)  # type: ignore[arg-type]
    thumbnail.call(3)  # type: ignore[arg-type]
    thumbnail.enqueue_many([send_mail.call(1, "x")])  # type: ignore[list-item]
    thumbnail(3)  # type: ignore[arg-type]
