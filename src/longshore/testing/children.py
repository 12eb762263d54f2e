"""Child processes that do one thing with a store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PREAMBLE = "import sys; sys.path[:] = {path!r}\n"


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Run ``code`` in a new interpreter with our import path; it starts without `site`, which is most of a start."""
    command = [
        sys.executable,
        "-I",
        "-S",
        "-W",
        "error",
        "-c",
        _PREAMBLE.format(path=sys.path) + code,
        *arguments,
    ]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def output(child: subprocess.Popen[str], timeout: float = 60.0) -> str:
    """What it printed, once it ended well; an error with its last words if it did not."""
    out, err = child.communicate(timeout=timeout)
    if child.returncode != 0:
        raise AssertionError(f"child ended with {child.returncode}: {err.strip()[-2000:]}")
    return out


@contextmanager
def children(codes: Sequence[Sequence[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    """Several at once; those still there at the end are killed."""
    started: list[subprocess.Popen[str]] = []
    try:
        for code in codes:
            started.append(python(*code))
        yield started
    finally:
        for child in started:
            if child.poll() is None:
                child.kill()
                child.communicate()
