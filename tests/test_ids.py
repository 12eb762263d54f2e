"""Ids: version 7 UUIDs that only ever grow."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from itertools import pairwise

import pytest

from longshore.ids import _Source, new_id, new_ids


def test_an_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    text = new_id()
    after = time.time_ns() // 1_000_000
    made = uuid.UUID(text)
    assert len(text) == 32
    assert text == text.lower() == made.hex
    assert made.variant == uuid.RFC_4122
    assert made.version == 7
    # Many made at once run ahead of the clock by a quarter of a microsecond each.
    assert before <= made.int >> 80 <= after + 50


def test_ids_grow_within_and_between_batches() -> None:
    ids = [*new_ids(3000), new_id(), *new_ids(0), *new_ids(3000), new_id()]
    assert all(one < other for one, other in pairwise(ids))


def test_threads_never_get_the_same_id_and_each_sees_them_grow() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        for _ in range(5000):
            into.append(new_id())

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one < other for ids in made for one, other in pairwise(ids))
    assert len({made_id for ids in made for made_id in ids}) == 20_000


def test_ids_grow_when_the_clock_is_set_back() -> None:
    source = _Source()
    first = source.next()
    source.last += 3600 * 1000 << 12
    second, third = source.next(), source.next()
    assert second >> 80 >= (first >> 80) + 3600 * 1000
    assert first < second < third
    assert uuid.UUID(int=third).version == 7


def test_the_random_part_differs() -> None:
    assert len({made_id[17:] for made_id in new_ids(2000)}) == 2000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_repeat_its_parents_random_bits() -> None:
    new_id()
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ours, "".join(new_ids(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    text = os.read(theirs, 100_000).decode()
    os.close(theirs)
    os.close(ours)
    from_child = {text[at + 16 : at + 32] for at in range(0, len(text), 32)}
    assert len(from_child) == 100
    assert not from_child & {made_id[16:] for made_id in new_ids(1000)}


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_while_a_thread_makes_an_id_can_make_one_too() -> None:
    from longshore.ids import _source

    with _source.lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # rather than for ever, if the lock is the parent's
            new_id()
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
