"""The crash net for a store that dies with its process: a worker in this process is frozen instead of killed.

Its threads stand still at a named point and beyond its leases, as if the machine had paused; another worker takes over and
finishes; then the first is let go, and whatever it still says must be refused.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from longshore.failpoint import NAMES
from longshore.model import Claim
from longshore.testing import failpoints
from longshore.testing.invariants import violations
from longshore.testing.samples import everything
from longshore.testing.scene import Scene
from longshore.testing.waiting import DEADLINE, until

#: Points inside a store's lock: frozen there, a thread would hold up everybody.
INSIDE: Final = ("add.before_commit", "exchange.before_commit", "apply.before_commit")
#: Where a worker is frozen, and at which hits: where it has claimed jobs, or their outcomes, in its hands.
FREEZES: Final[Sequence[tuple[str, int]]] = (
    ("exchange.after_commit", 1),
    ("run.before", 1),
    ("run.before", 20),
    ("run.after", 1),
    ("run.after", 20),
    ("settle.before", 2),
    ("settle.after", 1),
    ("settle.after", 2),
    ("renew.before", 2),
    ("sweep.between", 1),
    ("progress.before", 1),
    ("shutdown.release", 1),
)


class Freezer:
    """When ``point`` is hit for the ``hit``-th time, every thread that lives then, but the one that made this, freezes
    at its next failpoint.
    """

    def __init__(self, point: str, hit: int) -> None:
        self._point = point
        self._left = hit
        self._spared = threading.get_ident()
        self._lock = threading.Lock()
        self._frozen: frozenset[int] = frozenset()
        self._go = threading.Event()
        self._reached = threading.Event()

    def _hit(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                alive = frozenset(
                    thread.ident for thread in threading.enumerate() if thread.ident is not None
                )
                self._frozen = alive - {self._spared}
                self._reached.set()
        self._stand()

    def _stand(self) -> None:
        if threading.get_ident() in self._frozen:
            self._go.wait(DEADLINE)

    def reached(self) -> None:
        """Wait until the point is reached. AssertionError: it never is."""
        until(self._reached.is_set, f"{self._point} to be reached")

    def thaw(self) -> None:
        """Let them all go on."""
        self._frozen = frozenset()
        self._go.set()

    def __enter__(self) -> Self:
        for name in NAMES:
            if name not in INSIDE:
                failpoints.install(name, self._stand)
        failpoints.install(self._point, self._hit)
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        failpoints.clear()


def freeze(folder: Path, point: str, hit: int) -> dict[str, int]:
    """Freeze a worker on a memory store there, have another one do everything, and let the first go on: its counts.

    AssertionError: it wrote something late, or a promise was broken.
    """
    with Scene("memory://", folder / "ledger", max_crashes=5) as scene:
        scene.note.enqueue_many([()] * 3)
        scene.app.store.exchange((), Claim("gone", 3, 0.01))
        scene.note.enqueue_many([()] * 20)
        scene.anote.enqueue_many([()] * 20)
        scene.slow.enqueue(0.4)
        acknowledged = frozenset(everything(scene.app.store))
        first = scene.app.worker(concurrency=10, name="first")
        with Freezer(point, hit) as freezer:
            first.start()
            if point == "shutdown.release":
                until(lambda: len(scene.ledger.starts()) > 10, "some runs")
                threading.Thread(target=first.stop_now).start()
            freezer.reached()
            with scene.app.worker(concurrency=20, name="second"):
                until(lambda: scene.idle, "the second worker to finish")
            before = everything(scene.app.store)
            freezer.thaw()
            first.stop()
            if not first.join(DEADLINE):
                raise AssertionError("the first worker did not end once it could go on")
        history = scene.history(acknowledged, takeovers=3)
        broken = violations(history)
        broken += [
            f"{job} was changed late" for job, record in history.jobs.items() if record != before.get(job)
        ]
        if broken:
            raise AssertionError("\n".join(broken))
        return first.counts
