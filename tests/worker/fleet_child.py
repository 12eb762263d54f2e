"""A worker of the zoo under a supervisor (``NAME PARENT_FD``), or, with no arguments, the supervisor of two of them."""

from __future__ import annotations

import logging
import os
import sys

import zoo

from longshore.model import Where
from longshore.worker.keeper import rescue
from longshore.worker.observer import Observer
from longshore.worker.service import serve
from longshore.worker.supervisor import Supervisor


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())  # in one piece: several processes write to the same pipe


def supervise() -> int:
    def command(name: str, parent_fd: int) -> list[str]:
        return [sys.executable, __file__, name, str(parent_fd)]

    def give_back(name: str, cause: str) -> None:
        rescue(zoo.app.store, Where(states=("running",), worker=name), cause, zoo.app.max_crashes, Observer())

    def tell(level: int, text: str) -> None:
        if level > logging.DEBUG:
            say(text)

    say(f"pid {os.getpid()}")
    return Supervisor(int(os.environ.get("ZOO_FLEET", "2")), "fleet", command, give_back, tell).run()


def work(name: str, parent_fd: str) -> int:
    say(f"worker {name} {os.getpid()}")
    serve(zoo.app.worker(name=name), int(parent_fd))
    say(f"drained {name}")
    return 0


if __name__ == "__main__":
    code = work(*sys.argv[1:]) if sys.argv[1:] else supervise()
    zoo.app.close()
    sys.exit(code)
