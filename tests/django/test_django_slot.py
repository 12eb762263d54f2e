"""A place for one worker: held while it is renewed, and given up with its worker when that cannot be."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from longshore.errors import StoreUnavailable
from longshore.integrations.django.slot import Slot
from longshore.stores.base import Store
from longshore.stores.memory import MemoryStore
from longshore.testing.waiting import until
from longshore.worker.supervisor import Supervisor

LEASE = 0.9
KEY = "django-worker:1"
#: ends when its pipe does, or at a SIGTERM
WORKER = "import os, sys; os.read(int(sys.argv[1]), 1)"


class Away(MemoryStore):
    """A store that can be away."""

    away = False

    def hold(self, name: str, owner: str, seconds: float) -> bool:
        if self.away:
            raise StoreUnavailable("it is away")
        return super().hold(name, owner, seconds)

    def close(self) -> None:
        """What it keeps is to be there at the next opening."""


class Place:
    """A slot over a store, and the pids of its workers."""

    def __init__(self) -> None:
        self.store = Away()
        self.slots: list[Slot] = []
        self.died: list[str] = []

    def slot(self, code: str = WORKER) -> Slot:
        def supervisor(store: Store, number: int) -> Supervisor:
            def command(name: str, parent_fd: int) -> list[str]:
                return [sys.executable, "-c", code, str(parent_fd), name]

            def rescue(name: str, cause: str) -> None:
                self.died.append(cause)

            return Supervisor(
                1, "test", command, rescue, lambda level, text: None, first=number, stubborn=True
            )

        slot = Slot(1, LEASE, lambda: self.store, supervisor)
        self.slots.append(slot)
        slot.start()
        return slot

    @property
    def workers(self) -> set[int]:
        return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    for slot in place.slots:
        slot.leave()
    for slot in place.slots:
        slot.join(20)
    assert not any(thread.name.startswith("longshore") for thread in threading.enumerate())


def test_who_comes_first_has_it_until_it_leaves(place: Place) -> None:
    before = place.workers
    first = place.slot()
    [worker] = until(lambda: place.workers - before, "the worker")
    second = place.slot()
    assert place.workers - before == {worker}
    first.leave()
    first.join(20)
    [other] = until(lambda: place.workers - before, "the worker of the other")
    assert other != worker
    assert second.is_alive()


def test_a_store_that_is_away_for_a_lease_costs_the_place_and_then_it_is_taken_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    before = place.workers
    place.slot()
    [worker] = until(lambda: place.workers - before, "the worker")
    place.store.away = True
    until(lambda: not place.workers - before, "its end")
    until(lambda: "it is away; it is tried again" in caplog.text, "a word about it")
    place.store.away = False
    [other] = until(lambda: place.workers - before, "the next worker")
    assert other != worker
    assert "its place could not be kept for it" in caplog.text


def test_a_place_that_somebody_else_has_is_given_up(place: Place) -> None:
    before = place.workers
    place.slot()
    until(lambda: place.workers - before, "the worker")
    place.store.put("held", KEY, {"owner": "somebody"}, None)
    until(lambda: not place.workers - before, "its end")
    assert place.store.list("held")[KEY] == {"owner": "somebody"}


def test_what_ends_by_itself_is_started_again(place: Place) -> None:
    place.slot("raise SystemExit(0)")
    until(lambda: len(place.died) > 1, "two ends")
    assert set(place.died) == {"its process exited with status 0"}
