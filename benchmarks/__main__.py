"""``python -m benchmarks [NAME …] [--quick] [--json FILE]``: measure, print the table, say what is not as it should be."""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.figure import Figure, table
from benchmarks.place import machine

NAMES = ("enqueue", "drain", "latency", "depth", "footprint")


def main() -> int:
    """0: every goal was met; 1: some were not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)} (all)")
    parser.add_argument("--quick", action="store_true", help="less of everything: an impression in a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose from {', '.join(NAMES)}")
    about = machine()
    print("; ".join(f"{key}: {value}" for key, value in about.items()))
    started = time.monotonic()
    figures = _measured(given.names or NAMES, given.quick)
    print(
        f"\n{table(figures)}\n\n{time.monotonic() - started:.0f} s; floor: bare SQL, see benchmarks/README.md"
    )
    if given.json is not None:
        found = {"machine": about, "quick": given.quick, "figures": [figure.plain() for figure in figures]}
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(figure.met is False for figure in figures))


def _measured(names: list[str] | tuple[str, ...], quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        for figure in import_module(f"benchmarks.{name}").measure(quick):
            print("  ".join(cell for cell in figure.cells() if cell), file=sys.stderr, flush=True)
            figures.append(figure)
    return figures


if __name__ == "__main__":
    sys.exit(main())
