"""``python -m longshore.compat.huey.consumer main.Configuration``."""

import sys

from longshore.compat.huey.bin.huey_consumer import Consumer, load_config, main

__all__ = ("Consumer", "load_config", "main")

if __name__ == "__main__":
    sys.exit(main())
