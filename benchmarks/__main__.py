"""``python -m benchmarks [sqlite|postgres|redis|aio …] [NAME …] [--quick] [--json FILE]``: figures, and what is missed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.figure import Figure, table
from benchmarks.ground import ground
from benchmarks.machine import machine

#: what is measured on each
NAMES = {
    "sqlite": {
        "enqueue": "benchmarks.enqueue",
        "drain": "benchmarks.drain",
        "latency": "benchmarks.latency",
        "depth": "benchmarks.sqlite.depth",
        "footprint": "benchmarks.sqlite.footprint",
    },
    "postgres": {
        "enqueue": "benchmarks.enqueue",
        "drain": "benchmarks.drain",
        "backlog": "benchmarks.backlog",
        "latency": "benchmarks.latency",
        "size": "benchmarks.size",
    },
    "redis": {
        "enqueue": "benchmarks.enqueue",
        "drain": "benchmarks.drain",
        "backlog": "benchmarks.backlog",
        "latency": "benchmarks.latency",
        "size": "benchmarks.size",
    },
    "aio": {},
}


def main() -> int:
    """0: every goal was met; 1: some were not."""
    known = dict.fromkeys(name for names in NAMES.values() for name in names)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help=f"on what ({', '.join(NAMES)}), which ({', '.join(known)}); all",
    )
    parser.add_argument("--quick", action="store_true", help="less of everything: an impression in minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    unknown = [word for word in given.what if word not in NAMES and word not in known]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join([*NAMES, *known])}")
    where = [word for word in given.what if word in NAMES] or list(NAMES)
    which = [word for word in given.what if word in known]
    about = machine()
    print("; ".join(f"{key}: {value}" for key, value in about.items()))
    started = time.monotonic()
    figures = {name: list(_measured(name, which, given.quick)) for name in where if name != "aio"}
    for name, found in figures.items():
        print(f"\n{name}\n{table(found)}")
    if "aio" in where and not which:
        print("\naio")
        import_module("benchmarks.aio").main(["--jobs", "20000"] if given.quick else [])
    print(f"\n{time.monotonic() - started:.0f} s; floor: the bare driver, see benchmarks/README.md")
    if given.json is not None:
        plain = {name: [figure.plain() for figure in found] for name, found in figures.items()}
        found = {"machine": about, "quick": given.quick, "figures": plain}
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(figure.met is False for found in figures.values() for figure in found))


def _measured(name: str, which: list[str], quick: bool) -> Iterator[Figure]:
    place = ground(name)
    with place.started():
        print(f"{name}: {place.version()}", flush=True)
        for title, module in NAMES[name].items():
            if which and title not in which:
                continue
            for figure in import_module(module).measure(place, quick):
                print("  ".join(cell for cell in figure.cells() if cell), file=sys.stderr, flush=True)
                yield figure


if __name__ == "__main__":
    sys.exit(main())
