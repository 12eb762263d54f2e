"""Where runs happen: coroutines in the loop, sync functions in threads, CPU-bound ones in processes.

Each executor takes runs with `submit` and gives every one back exactly once, with its outcome, through the ``ended``
callback it was made with, from whichever thread. None of them knows a store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from longshore.outcome import Outcome
from longshore.worker.run import Run

#: capacity of an executor whose work is cheap to hold: the claim's own limit bounds it
UNBOUNDED = 1 << 30

Ended = Callable[[Run, Outcome], None]


class Executor(Protocol):
    def submit(self, runs: Sequence[Run]) -> None:
        """Take these; begin each as soon as there is a free place, in order."""
        ...

    def capacity(self) -> int:
        """How many more it can sensibly take now; what is beyond should go to another worker."""
        ...

    def withdraw(self) -> list[Run]:
        """Give back, unbegun, what has not begun. Those runs will not be reported as ended."""
        ...

    def close(self) -> None:
        """Begin nothing more and let go of threads and processes; what still runs is abandoned (processes are killed)."""
        ...
