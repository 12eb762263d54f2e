"""Processes that work beside the benchmark: real workers, and the floor's loops by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.ground import Place

ROOT = str(Path(__file__).parent.parent)
#: seconds a child may take to be ready
PATIENCE = 30.0


@contextmanager
def python(
    arguments: Sequence[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """``python ARGUMENTS…`` in the checkout's folder, its output and input ours; told to end at the end of the block."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def say(process: subprocess.Popen[str], word: str) -> None:
    """Tell a child something."""
    assert process.stdin is not None
    print(word, file=process.stdin, flush=True)


def hear(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args} ended with {process.wait(PATIENCE)}")
    return line.strip()


@contextmanager
def workers(where: Place, count: int, concurrency: int = 50) -> Iterator[list[subprocess.Popen[str]]]:
    """Real workers, each `worker.service.serve` in a process of its own, up and looking for jobs."""
    arguments = ["-m", "benchmarks.serve", str(concurrency)]
    with ExitStack() as stack:
        processes = [stack.enter_context(python(arguments, where.environment)) for _ in range(count)]
        deadline = time.monotonic() + PATIENCE
        while len(where.app.store.list("worker")) < count:
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                raise RuntimeError("the workers did not start")
            time.sleep(0.02)
        yield processes
