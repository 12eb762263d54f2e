"""The loop of a worker without the worker: ``python -m benchmarks.loop STORE drain|serve URL``."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

from benchmarks.ground import Floor, Row, ground

#: jobs in one exchange
BATCH: Final = 500


def drain(floor: Floor, stopped: Callable[[], bool]) -> None:
    """Settle the last batch and claim the next in one transaction, until nothing is due."""
    jobs: list[Row] = []
    while jobs := floor.exchange(jobs, 0 if stopped() else BATCH):
        pass


def bell(path: str) -> socket.socket:
    """A socket that others can ring by its path."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(path)
    return ear


def serve(floor: Floor, path: str) -> None:
    """Wait to be told, claim, say when, settle, tell: one job at a time, two transactions each."""
    ear = bell(f"{path}/worker")
    print("ready", flush=True)
    while ear.recv(1):
        jobs = floor.exchange([], BATCH)
        began = struct.pack("d", time.monotonic())
        floor.exchange(jobs, 0, began)
        ear.sendto(b"!", f"{path}/caller")


def main(name: str, what: str, url: str, path: str = "") -> None:
    """Be a child of the benchmark."""
    floor = ground(name).floor(url)
    if what == "serve":
        serve(floor, path)
        return
    print("ready", flush=True)
    sys.stdin.readline()
    drain(floor, lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
    print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
