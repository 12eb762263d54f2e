"""A worker process that is started again when a Python file changes."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from longshore.cli.exits import INTERRUPTED
from longshore.cli.output import color_wanted

#: seconds a worker may go on with its running jobs before it is restarted all the same
_PATIENCE: Final = 2.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Watch = Callable[..., Iterable[set[tuple[Any, str]]]]


def watcher() -> Watch | None:
    """What tells of changed files; None where it is not installed."""
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        return None
    return lambda folder, stop: watch(
        folder, watch_filter=PythonFilter(), stop_event=stop, rust_timeout=500, ignore_permission_denied=True
    )


class Reloader:
    """Runs ``longshore dev TARGET`` as a child, without its reloading, and restarts it."""

    def __init__(self, target: str, options: Sequence[str], watch: Watch) -> None:
        self._target = target
        self._options = options
        self._watch = watch
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._child: subprocess.Popen[bytes] | None = None
        self._again = False
        self._signals = 0
        self._stop = threading.Event()
        # Its end tells the child that we are gone, however we died.
        self._watched, self._held = os.pipe()

    def run(self) -> int:
        """Until a signal; 0 where the worker drained cleanly."""
        before = {number: signal.signal(number, self._signal) for number in _SIGNALS}
        folder = self._folder()
        self._say(f"restarts when a Python file changes in {folder}; Ctrl+C stops")
        watching = threading.Thread(target=self._look, args=(folder,), daemon=True)
        watching.start()
        try:
            self._start()
            code: int | None = None
            while code is None:
                code = self._handle(*self._events.get())
            return code
        finally:
            self._stop.set()
            os.close(self._held)
            os.close(self._watched)
            watching.join(2.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _folder(self) -> Path:
        file = self._target.rpartition(":")[0] if ".py:" in self._target else self._target
        return Path(file).resolve().parent if file.endswith(".py") and Path(file).is_file() else Path.cwd()

    def _look(self, folder: Path) -> None:
        for changes in self._watch(folder, self._stop):
            self._events.put(("changed", sorted({os.path.relpath(path) for _, path in changes})))

    def _signal(self, number: int, frame: FrameType | None) -> None:
        self._events.put(("signal", number))

    def _start(self) -> None:
        self._again = False
        command = [sys.executable, "-m", "longshore", "dev", self._target, *self._options]
        # A session of its own: Ctrl+C in the terminal reaches us alone, and we pass it on.
        child = self._child = subprocess.Popen(
            [*command, "--parent-fd", str(self._watched)], pass_fds=(self._watched,), start_new_session=True
        )

        def wait() -> None:
            self._events.put(("ended", child.wait()))

        threading.Thread(target=wait, daemon=True).start()

    def _handle(self, event: str, about: Any) -> int | None:
        """The exit code, once there is one."""
        if event == "signal":
            return self._stopping(about)
        if event == "changed" and not self._signals:
            self._changed(about)
        elif event == "hurry" and self._again and self._child is not None and self._child is about:
            self._child.terminate()
        elif event == "ended":
            return self._ended(about)
        return None

    def _stopping(self, number: int) -> int | None:
        self._signals += 1
        if self._child is not None:
            self._child.terminate()
            return None
        return INTERRUPTED if number == signal.SIGINT else 0

    def _changed(self, files: Sequence[str]) -> None:
        self._say(f"changed: {', '.join(files[:3])}{' …' if len(files) > 3 else ''}; restarting")
        if self._child is None:
            self._start()
        elif not self._again:
            self._again = True
            self._child.terminate()
            timer = threading.Timer(_PATIENCE, self._events.put, args=(("hurry", self._child),))
            timer.daemon = True
            timer.start()

    def _ended(self, code: int) -> int | None:
        self._child = None
        if self._signals:
            return max(code, 0)
        if self._again:
            self._start()
        else:
            self._say("the worker ended; it starts again when a file changes")
        return None

    def _say(self, text: str) -> None:
        click.echo(f"{click.style('dev', fg='cyan')}       {text}", color=color_wanted())
