"""One of several worker processes: `python -m longshore.compat.pulsar.tasks NAME PIPE`, as the fleet starts it."""

from __future__ import annotations

import json
import os
import sys

from longshore.compat.pulsar.tasks.fleet import VARIABLE
from longshore.compat.pulsar.tasks.queue import TaskQueue


def main() -> None:
    told = os.environ.get(VARIABLE)
    if told is None or len(sys.argv) != 3:
        sys.exit("this is started by TaskQueue(workers=...).start(); start that instead")
    name, pipe = sys.argv[1:]
    given = json.loads(told)
    sys.path[:] = given["path"]
    TaskQueue(**given["settings"]).serve(name, int(pipe))


if __name__ == "__main__":
    main()
