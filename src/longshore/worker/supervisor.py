"""A small process above N worker processes: starts them again when they die, takes them down with itself."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from weakref import WeakSet

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
    a dead worker held, with how it died; ``say`` tells people, with a level of `logging`.

    ``first`` is the number of the first place. ``environment`` is that of the workers; None: ours. ``stubborn``: whatever
    a worker ends with, another is started until we are stopped; else an exit with 0 or for a reason that lasts is the end.
    """

    def __init__(
        self,
        count: int,
        name: str,
        command: Callable[[str, int], Sequence[str]],
        rescue: Callable[[str, str], None],
        say: Callable[[int, str], None],
        *,
        first: int = 0,
        environment: Mapping[str, str] | None = None,
        stubborn: bool = False,
    ) -> None:
        self._name = name
        self._command = command
        self._rescue = rescue
        self._say = say
        self._environment = environment
        self._stubborn = stubborn
        self._children = [Child(index) for index in range(first, first + count)]
        self._events: queue.SimpleQueue[tuple[str, int, Child | None]] = queue.SimpleQueue()
        self._stops = 0
        self._starts = 0
        self._code = 0
        # Nobody ever writes to it: its end tells the children that we are gone, however we died.
        with _forking:
            self._watched, self._held = os.pipe()
            _supervisors.add(self)

    def run(self) -> int:
        """Until all workers ended by themselves or by our signal; the exit code. For the main thread."""
        every = watchdog_seconds()

        def told(count: int) -> None:
            notify(STOPPING=1)
            self.stop()

        def well() -> None:
            if every is not None:
                notify(WATCHDOG=1)

        with Signals(told):
            notify(READY=1, STATUS=f"{len(self._children)} workers")
            return self.supervise(well, every)

    def supervise(self, between: Callable[[], None] = lambda: None, every: float | None = None) -> int:
        """As `run`, in any thread, without signals. ``between`` is called after each event and ``every`` so many seconds."""
        try:
            for child in self._children:
                self._start(child)
            while any(child.process is not None for child in self._children):
                with contextlib.suppress(queue.Empty):
                    self._handle(*self._events.get(timeout=every))
                between()
        finally:
            self._let_go()
        return self._code

    def stop(self) -> None:
        """Tell the workers to drain; the second time, to give their jobs back. Returns at once; for any thread."""
        self._events.put(("stop", 0, None))

    def _let_go(self) -> None:
        with _forking:
            _supervisors.discard(self)
            os.close(self._held)
            os.close(self._watched)

    def forked(self) -> None:
        """In a forked child: the workers are the parent's, and must see its end although we live on."""
        os.close(self._held)
        os.close(self._watched)
        for child in self._children:
            if child.process is not None and child.process.returncode is None:
                child.process.returncode = 0  # not ours to wait for

    def _handle(self, event: str, number: int, child: Child | None) -> None:
        if event == "stop":
            self._pass_on()
        elif child is not None and event == "exit":
            self._ended(child, number)
        elif child is not None and event == "start" and not self._stops:
            self._start(child)
        elif child is not None and event == "start":
            child.process = None

    def _pass_on(self) -> None:
        self._stops += 1
        if self._stops == 1:
            self._say(logging.INFO, "stopping the workers")
        else:
            self._say(logging.INFO, "telling the workers to give their jobs back now")
        # Not the same signal twice: the kernel keeps only one of a kind for a process that has not yet seen it.
        number = signal.SIGTERM if self._stops == 1 else signal.SIGINT
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
            self._command(child.name, self._watched),
            pass_fds=(self._watched,),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=self._environment,
        )
        self._say(logging.DEBUG, f"worker {child.name} started, pid {process.pid}")

        def wait() -> None:
            self._events.put(("exit", process.wait(), child))

        threading.Thread(target=wait, name="longshore-child", daemon=True).start()

    def _ended(self, child: Child, code: int) -> None:
        if self._stops or (code == 0 and not self._stubborn):
            child.process = None
            self._code = self._code or max(code, 0)
            if code:
                self._give_back(child, code)
            return
        if code in HOPELESS and not self._stubborn:
            child.process = None
            self._code = code
            self._pass_on()
            return
        lived = time.monotonic() - child.started
        child.deaths = 1 if lived > STABLE else child.deaths + 1
        pause = PAUSE_LAST if code in HOPELESS else min(PAUSE_LAST, PAUSE_FIRST * 2.0 ** (child.deaths - 1))
        text = f"worker {child.name} died after {lived:.1f} s: {how(code)}; another starts in {pause:g} s"
        self._say(logging.WARNING, text)
        self._give_back(child, code)
        timer = threading.Timer(pause, self._events.put, args=(("start", 0, child),))
        timer.daemon = True
        timer.start()

    def _give_back(self, child: Child, code: int) -> None:
        try:
            self._rescue(child.name, how(code))
        except Exception as error:
            # Its leases will lapse in our stead.
            self._say(logging.WARNING, f"the jobs of {child.name} could not be given back now: {error}")


_supervisors: Final[WeakSet[Supervisor]] = WeakSet()
#: held while a pipe is made or closed: no fork happens then
_forking: Final = threading.RLock()


def _in_child() -> None:
    for supervisor in list(_supervisors):
        supervisor.forked()
    _supervisors.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forking.acquire, after_in_parent=_forking.release, after_in_child=_in_child)
