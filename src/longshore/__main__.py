"""``python -m longshore`` is the command ``longshore``."""

from __future__ import annotations

import sys


def main() -> None:
    from longshore.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
