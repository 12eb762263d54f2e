"""The servers the tests use, for the benchmarks: ``tests/servers``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from servers import postgres, valkey

__all__ = ["postgres", "valkey"]
