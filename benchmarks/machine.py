"""What figures depend on, and the processor time that processes used."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path


def machine() -> dict[str, str]:
    """What the figures depend on."""
    cpu = platform.processor() or "?"
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "cpu": f"{os.cpu_count()} x {cpu}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def processor(pid: int) -> float:
    """Seconds of processor time of a process, its threads and the children it has or had; 0.0 where nobody tells."""
    ticks = 0
    with suppress(OSError):
        ticks += sum(_fields(pid)[11:15])
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="utf-8").split():
                with suppress(OSError):
                    ticks += sum(_fields(int(child))[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[int]:
    # The name may have spaces in it; what follows its bracket is one letter and numbers.
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return [0, *map(int, text[1:])]
