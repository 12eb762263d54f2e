"""A small process above N worker processes: starts them again when they die, takes them down with itself."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from longshore.worker.death import how
from longshore.worker.notify import notify, watchdog_seconds
from longshore.worker.signals import Signals

#: seconds before a dead worker is started again: doubling from the first to the last
PAUSE_FIRST, PAUSE_LAST = 0.5, 30.0
#: a worker that lived this long died of something new
STABLE = 60.0
#: exit codes that starting again cannot mend: usage, schema, configuration
HOPELESS = frozenset({2, 5, 78})


class Child:
    """One place in the fleet, and the process in it now."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.process: subprocess.Popen[bytes] | None = None
        self.name = ""
        self.started = 0.0
        self.deaths = 0


class Supervisor:
    """``command`` gives the command line of a worker with this name that watches this pipe; ``rescue`` gives back the jobs
    a dead worker held, with how it died; ``say`` tells people.
    """

    def __init__(
        self,
        count: int,
        name: str,
        command: Callable[[str, int], Sequence[str]],
        rescue: Callable[[str, str], None],
        say: Callable[[str], None],
    ) -> None:
        self._name = name
        self._command = command
        self._rescue = rescue
        self._say = say
        self._children = [Child(index) for index in range(count)]
        self._events: queue.SimpleQueue[tuple[str, int, Child | None]] = queue.SimpleQueue()
        self._signals = 0
        self._starts = 0
        self._code = 0
        # Nobody ever writes to it: its end tells the children that we are gone, however we died.
        self._watched, self._held = os.pipe()

    def run(self) -> int:
        """Until all workers ended by themselves or by our signal; the exit code."""
        try:
            with Signals(lambda count: self._events.put(("signal", count, None))):
                for child in self._children:
                    self._start(child)
                notify(READY=1, STATUS=f"{len(self._children)} workers")
                while any(child.process is not None for child in self._children):
                    self._next()
        finally:
            os.close(self._held)
            os.close(self._watched)
        return self._code

    def _next(self) -> None:
        """The next thing that happens; meanwhile the service manager hears that we are well."""
        every = watchdog_seconds()
        with contextlib.suppress(queue.Empty):
            self._handle(*self._events.get(timeout=every))
        if every is not None:
            notify(WATCHDOG=1)

    def _handle(self, event: str, number: int, child: Child | None) -> None:
        if event == "signal":
            self._pass_on()
        elif child is not None and event == "exit":
            self._ended(child, number)
        elif child is not None and event == "start" and not self._signals:
            self._start(child)
        elif child is not None and event == "start":
            child.process = None

    def _pass_on(self) -> None:
        self._signals += 1
        notify(STOPPING=1)
        self._say(
            "stopping the workers"
            if self._signals == 1
            else "telling the workers to give their jobs back now"
        )
        # Not the same signal twice: the kernel keeps only one of a kind for a process that has not yet seen it.
        number = signal.SIGTERM if self._signals == 1 else signal.SIGINT
        for child in self._children:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(number)
            elif child.process is not None:  # waiting to be started again
                self._events.put(("start", 0, child))

    def _start(self, child: Child) -> None:
        self._starts += 1
        child.name = f"{self._name}:{child.index}.{self._starts}"
        child.started = time.monotonic()
        # A session of its own: Ctrl+C in the terminal reaches us alone, and we pass it on once.
        process = child.process = subprocess.Popen(
            self._command(child.name, self._watched), pass_fds=(self._watched,), start_new_session=True
        )

        def wait() -> None:
            self._events.put(("exit", process.wait(), child))

        threading.Thread(target=wait, daemon=True).start()

    def _ended(self, child: Child, code: int) -> None:
        if code == 0 or self._signals:
            child.process = None
            self._code = self._code or max(code, 0)
            if code:
                self._give_back(child, code)
            return
        if code in HOPELESS:
            child.process = None
            self._code = code
            if not self._signals:
                self._pass_on()
            return
        lived = time.monotonic() - child.started
        child.deaths = 1 if lived > STABLE else child.deaths + 1
        pause = min(PAUSE_LAST, PAUSE_FIRST * 2.0 ** (child.deaths - 1))
        self._say(f"worker {child.name} died after {lived:.1f} s: {how(code)}; another starts in {pause:g} s")
        self._give_back(child, code)
        timer = threading.Timer(pause, self._events.put, args=(("start", 0, child),))
        timer.daemon = True
        timer.start()

    def _give_back(self, child: Child, code: int) -> None:
        try:
            self._rescue(child.name, how(code))
        except Exception as error:
            # Its leases will lapse in our stead.
            self._say(f"the jobs of {child.name} could not be given back now: {error}")
