"""Tasks that processes must find by name: an app for worker processes, made from the environment where it is given."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from longshore import App, Context, Discard, Retry
from longshore.middleware.base import Middleware
from longshore.testing.ledger import Ledger


class Noting(Middleware):
    """Writes down around which task it was, and where."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def running(self, context, task):  # type: ignore[no-untyped-def]
        self.seen.append(f"before {task.name} in {os.getpid()}")
        outcome = yield
        self.seen.append(f"after {task.name}: {type(outcome).__name__}")


noting = Noting()
app = App(
    os.environ.get("ZOO_URL", "memory://"),
    lease=float(os.environ.get("ZOO_LEASE", "1.0")),
    sweep=0.2,
    middleware=[noting],
    max_result=10_000,
)


class Odd(Exception):
    """An exception of ours."""


@app.task(executor="process")
def pid_of(n: int = 0) -> int:
    return os.getpid()


@app.task(executor="process", timeout=0.5)
def spin(pid_file: str) -> None:
    """Busy for ever."""
    Path(pid_file).write_text(str(os.getpid()))
    while True:
        pass


@app.task(executor="process")
def spin_until_killed(pid_file: str) -> None:
    Path(pid_file).write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


@app.task(executor="process")
def die(number: int) -> None:
    os.kill(os.getpid(), number)
    threading.Event().wait(5)


@app.task(executor="process")
def leave(code: int) -> None:
    os._exit(code)


@app.task(executor="process")
def told(ctx: Context, go_file: str) -> str:
    ctx.progress(1, 2, "half")
    while not Path(go_file).exists():
        time.sleep(0.01)
    return "told"


@app.task(executor="process", retry=Retry(3, delay=0, jitter=False, on=Odd, give_up_on=KeyError))
def picky(ctx: Context, error: str) -> int:
    if error == "odd" and ctx.failures < 2:
        raise Odd("again")
    if error == "key":
        raise KeyError("never again")
    if error == "value":
        raise ValueError("not ours")
    if error == "discard":
        raise Discard("from a process")
    return ctx.failures


@app.task(executor="process")
def big(size: int) -> bytes:
    return b"x" * size


# -- for worker processes -------------------------------------------------------------------------------------------


def ledger() -> Ledger:
    return Ledger(os.environ["ZOO_LEDGER"])


@app.task
def note(ctx: Context) -> int:
    ledger().begun(ctx.job_id, ctx.attempt)
    return ctx.attempt


@app.task
def hold(ctx: Context) -> int:
    """Until the gate file is there, or it is told to stop."""
    ledger().begun(ctx.job_id, ctx.attempt)
    while not Path(os.environ["ZOO_LEDGER"] + ".go").exists() and not ctx.cancelled:
        time.sleep(0.01)
    return ctx.attempt


@app.task
def poison(ctx: Context) -> None:
    ledger().begun(ctx.job_id, ctx.attempt)
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait(5)
