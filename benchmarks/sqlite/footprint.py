"""What it costs to have it there: memory and processor time of an idle worker, and the time to import and to start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.child import ROOT, python, workers
from benchmarks.figure import Figure, Goal
from benchmarks.ground import Ground

MB = 1_000_000
#: seconds to come to rest before memory is looked at
REST = 2.0
_BARE = "import sys; sys.stdin.readline()"


def measure(ground: Ground, quick: bool) -> Iterator[Figure]:
    """Megabytes and milliseconds; memory where the system tells it (Linux)."""
    if Path("/proc/self/smaps_rollup").exists():
        yield from _idle(ground, 3.0 if quick else 20.0)
    runs = 10 if quick else 40
    bare = ["-c", "pass"]
    yield _started("import longshore", ["-c", "import longshore"], bare, runs, Goal("more", "<=", 20.0))
    yield _started("from longshore import App", ["-c", "from longshore import App"], bare, runs)
    yield _started("longshore --help", ["-m", "longshore", "--help"], bare, runs, Goal("value", "<=", 150.0))


def _idle(ground: Ground, seconds: float) -> Iterator[Figure]:
    with ground.place() as where, workers(where, 1) as (worker,), python(["-c", _BARE]) as bare:
        time.sleep(REST)
        before = _processor(worker.pid)
        time.sleep(seconds)
        used = (_processor(worker.pid) - before) / seconds
        for name, key, goal in (
            ("idle worker, resident", "Rss", Goal("value", "<=", 45.0)),
            ("idle worker, its share (PSS)", "Pss", None),
        ):
            value, least = _memory(worker.pid, key), _memory(bare.pid, key)
            yield Figure(f"{name} (floor: bare Python)", "MB", value, least, value / least, goal)
        yield Figure("idle worker, processor", "ms/s", used * 1000)


def _memory(pid: int, key: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith(f"{key}:"))
    return int(found) * 1024 / MB


def _processor(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="utf-8").split()[0]) for thread in threads) / 1e9


def _started(
    name: str, arguments: Sequence[str], bare: Sequence[str], runs: int, goal: Goal | None = None
) -> Figure:
    for command in (arguments, bare):
        _run(command)
    pairs = [(_run(arguments), _run(bare)) for _ in range(runs)]
    # The quickest of many: whatever else the machine does only ever adds.
    value, least = (min(column) * 1000 for column in zip(*pairs, strict=True))
    return Figure(f"{name} (floor: python -c pass)", "ms", value, least, value / least, goal)


def _run(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
