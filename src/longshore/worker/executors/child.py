"""What runs in a spawned process of the process executor."""

from __future__ import annotations

import importlib
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from longshore.middleware.base import Middleware
from longshore.model import JobRecord, Progress
from longshore.outcome import Begun, Held, Outcome
from longshore.task import Task
from longshore.worker.death import die_with_parent
from longshore.worker.execute import Execution
from longshore.worker.run import Run

_decode = msgspec.msgpack.Decoder(tuple[str, str, str, JobRecord]).decode
_encode = msgspec.msgpack.Encoder().encode


def main(pipe: Connection, max_result: int, prepare: str = "") -> None:
    """Serve jobs until the pipe closes. Interrupts are the parent's business: it kills us when we are to stop.

    ``prepare`` names a function as ``module:function`` that makes this process ready for the user's modules, and gives
    middleware to be around runs in here.
    """
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    # The clock is the host's: ages of jobs are compared in seconds, and the parent's store has the last word on times. The
    # middleware is around us in the parent.
    execution = Execution(_prepared(prepare), time.time, max_result)

    def say(said: Progress | Begun | Outcome) -> None:
        pipe.send_bytes(_encode(said))

    while True:
        try:
            module, qualname, name, job = _decode(pipe.recv_bytes())
        except EOFError:
            return
        try:
            task = find(module, qualname, name)
        except Exception as error:
            say(Held(f"its process could not import {module}.{qualname}: {error!r}"))
            continue
        say(Begun())
        say(execution.run(Run(job, task, lambda _, progress: say(progress))))


def _prepared(prepare: str) -> Sequence[Middleware]:
    if not prepare:
        return ()
    module, _, name = prepare.partition(":")
    middleware: Sequence[Middleware] = getattr(importlib.import_module(module), name)()
    return middleware


def find(module: str, qualname: str, name: str) -> Task[..., Any]:
    """The task at ``module.qualname``."""
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    if not isinstance(found, Task):
        raise TypeError(f"{module}.{qualname} is {type(found).__name__}, not the task {name}")
    return found
