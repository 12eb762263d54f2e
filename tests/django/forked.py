"""A Python with Django and Longshore imported, not set up, that forks for each piece of code: most of a start is imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from select import select

#: Ends the loop in each child, which goes on below it, and ends as any Python does.
CODE = """
import json, os, sys
import asgiref.sync, django.core.management, django.db.models, django.test, psycopg, redis
import longshore.cli.main, longshore.integrations.django.project, longshore.integrations.django.testing
import longshore.stores.postgres.guest, longshore.stores.sqlite.guest, longshore.worker.worker
for asked in sys.stdin:
    if os.fork() == 0:
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
else:
    sys.exit()
asked = json.loads(asked)
for number, path in enumerate((os.devnull, asked["out"], asked["err"])):
    os.dup2(os.open(path, os.O_RDWR), number)
os.chdir(asked["cwd"])
os.environ.clear()
os.environ.update(asked["env"])
sys.path[0:1] = ["", asked["cwd"]]
exec(asked["code"])
"""


class Forking:
    """One such Python, started at the first use."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, code: str, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As ``python -W error -c CODE``."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        with tempfile.NamedTemporaryFile("w+") as out, tempfile.NamedTemporaryFile("w+") as err:
            asked = {"code": code, "cwd": str(cwd), "env": dict(env), "out": out.name, "err": err.name}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            ended, _, _ = select([process.stdout], [], [], timeout)
            if not ended:
                self.close()
            said = out.read(), err.read()
            if not ended:
                raise subprocess.TimeoutExpired(code, timeout, *said)
            return subprocess.CompletedProcess([code], int(process.stdout.readline()), *said)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        return self._process

    def close(self) -> None:
        """Kill it, and what it runs."""
        if self._process is not None:
            with self._process:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None
