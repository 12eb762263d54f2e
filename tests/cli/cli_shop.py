"""The real command, in processes of its own, on real files: what the tests of the command line run it with."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from longshore import App
from longshore.cli.main import run
from longshore.model import JobRecord, Where
from longshore.testing.waiting import DEADLINE

TASKS = '''
import logging
import os
import threading
import time
from datetime import datetime
from pathlib import Path

from longshore import App, Context, Retry

app = App("sqlite:///jobs.db")


@app.task
def hello(name: str) -> str:
    logging.getLogger("shop").info("greeting %s", name)
    return f"Hello, {name}!"


@app.task
async def quick(number: int) -> int:
    return number


@app.task
def bad(number: int) -> None:
    raise ValueError(f"no {number}")


@app.task(retry=Retry(3, delay=3600.0))
def flaky() -> None:
    raise OSError("later")


@app.task(queue="mail")
def send(user_id: int, when: datetime | None = None, attach: Path | None = None, password: str = "") -> list[str]:
    return [type(user_id).__name__, type(when).__name__, type(attach).__name__]


@app.task
def until_file(path: str, ctx: Context) -> str:
    """Runs until there is a file of this name, or it is told to stop."""
    started = Path(path + ".started")
    started.touch()
    pause = threading.Event()
    while not Path(path).exists() and not ctx.cancelled:
        pause.wait(0.01)
    return "saw it"


@app.task
def forever(path: str) -> None:
    """Listens to nobody."""
    Path(path + ".started").touch()
    threading.Event().wait()
'''


class Said:
    """What a finished command came to."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The error's lines, without what was said before."""
        at = self.err.find("error: ")
        assert at >= 0, self
        return self.err[at:].strip()


class Running:
    """A command that runs in the background, and its lines as they come. Killed at the end of the ``with`` block."""

    def __init__(self, argv: list[str], folder: Path, env: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()
        self.process = subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def line(self, *words: str, number: int = 1) -> str:
        """Wait until so many lines hold all of these words; the last of them."""
        deadline = time.monotonic() + DEADLINE
        with self._more:
            while True:
                found = [line for line in self.lines if all(word in line for word in words)]
                if len(found) >= number:
                    return found[number - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"no line with {words}, but:\n{self.output}")
                self._more.wait(min(left, 0.5))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; its return code."""
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Shop:
    """A folder to run ``longshore`` in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'jobs.db'}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}
        # Compiled once for all tests, and not into the folders they look at.
        compiled = str(folder.parent / "compiled")
        self.env = {**kept, "PYTHONWARNINGS": "error", "PYTHONPYCACHEPREFIX": compiled}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)

    def argv(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "longshore", *map(str, words)]

    def run(self, *words: object, stdin: str | None = None, **env: str) -> Said:
        """Run a command to its end."""
        return Said(
            subprocess.run(
                self.argv(*words),
                cwd=self.folder,
                env={**self.env, **env},
                input=stdin or "",
                text=True,
                capture_output=True,
                timeout=60,
                check=False,
            )
        )

    def start(self, *words: object, **env: str) -> Running:
        """Run a command in the background."""
        return Running(self.argv(*words), self.folder, {**self.env, **env})

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @cached_property
    def tasks(self) -> dict[str, Any]:
        """The names of tasks.py, as if imported here: quicker than a command for each job."""
        names: dict[str, Any] = {"__name__": "tasks"}
        exec(TASKS.replace("sqlite:///jobs.db", self.url), names)
        return names

    def add(self, task: str, using: dict[str, Any] | None = None, **arguments: Any) -> str:
        """Enqueue from here; the job's id."""
        job_id: str = self.tasks[task].using(**using or {}).enqueue(**arguments).id
        return job_id

    def close(self) -> None:
        if "tasks" in vars(self):
            self.tasks["app"].close()

    def enqueue(self, *words: object) -> str:
        """Enqueue by command; the job's id."""
        said = self.run("enqueue", *words, "-o", "json")
        assert said.code == 0, said
        job_id: str = said.json["id"]
        return job_id

    def ask(self, *words: object) -> Any:
        """What a reading command answers, as JSON; in this process, which is quicker."""
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            code = run([*map(str, words), "--url", self.url, "-o", "json"])
        assert code == 0, text.getvalue()
        return json.loads(text.getvalue())

    def show(self, job_id: str) -> dict[str, Any]:
        record: dict[str, Any] = self.ask("jobs", "show", job_id)
        return record


def found(app: App) -> list[JobRecord]:
    """All jobs of the store, newest first."""
    return app.store.find(Where(), 10_000)
