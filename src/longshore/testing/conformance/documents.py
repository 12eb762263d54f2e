"""Small documents and hints, opening and closing."""

from __future__ import annotations

import threading

import pytest

from longshore.stores.base import Store
from longshore.testing.clock import Clock
from longshore.testing.samples import HOSTILE, claim, job


class Documents:
    """Examples about `put`, `list` and `drop`."""

    def test_what_is_put_is_listed(self, store: Store) -> None:
        doc = {"text": "ä", "list": [1, 2.5, None, True], "map": {"a": {}}}
        store.put("worker", "a", doc)
        store.put("worker", "b", {})
        store.put("schedule", "a", {"n": 1})
        assert store.list("worker") == {"a": doc, "b": {}}
        assert store.list("schedule") == {"a": {"n": 1}}
        assert store.list("nothing") == {}

    def test_the_last_one_counts(self, store: Store, clock: Clock) -> None:
        store.put("k", "a", {"n": 1}, expires=5.0)
        store.put("k", "a", {"n": 2})
        clock.move(100.0)
        assert store.list("k") == {"a": {"n": 2}}

    def test_gone_after_its_time(self, store: Store, clock: Clock) -> None:
        store.put("k", "a", {}, expires=10.0)
        clock.move(9.5)
        assert store.list("k") == {"a": {}}
        clock.move(0.5)
        assert store.list("k") == {}
        assert store.drop("k", "a") is False
        store.put("k", "b", {}, expires=0.0)
        assert store.list("k") == {}

    def test_a_renewed_one_outlives_its_first_time(self, store: Store, clock: Clock) -> None:
        for n in range(120):
            store.put("k", f"old{n}", {}, expires=5.0)
        store.put("k", "a", {"n": 1}, expires=5.0)
        store.put("k", "a", {"n": 2}, expires=50.0)
        store.put("other", "a", {}, expires=5.0)
        clock.move(10.0)
        # What is over goes when something is put, some at a time: never what was renewed, nor another kind's.
        for n in range(3):
            store.put("k", f"new{n}", {}, expires=1.0)
            assert set(store.list("k")) == {"a", *(f"new{i}" for i in range(n + 1))}
        clock.move(5.0)
        store.put("other", "a", {"back": True})
        assert store.list("k") == {"a": {"n": 2}}
        assert store.list("other") == {"a": {"back": True}}
        store.put("k", "old7", {"back": True}, expires=5.0)
        assert set(store.list("k")) == {"a", "old7"}
        assert store.drop("k", "old8") is False

    def test_dropping(self, store: Store) -> None:
        store.put("k", "a", {})
        store.put("k", "b", {})
        assert [store.drop("k", "a"), store.drop("k", "a"), store.drop("other", "b")] == [True, False, False]
        assert store.list("k") == {"b": {}}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_any_text(self, store: Store, text: str) -> None:
        store.put(text, text, {text: text})
        assert store.list(text) == {text: {text: text}}
        assert store.drop(text, text) is True

    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_queue_of_any_name_can_be_paused(self, store: Store, text: str) -> None:
        store.add([job(1, queue=text)])
        store.put("paused", text, {})
        assert claim(store) == []
        store.drop("paused", text)
        assert len(claim(store)) == 1

    def test_only_one_holds_a_name(self, store: Store, clock: Clock) -> None:
        assert [store.hold("n", "a", 10.0), store.hold("n", "b", 10.0)] == [True, False]
        clock.move(8.0)
        assert [store.hold("n", "b", 10.0), store.hold("n", "a", 10.0)] == [False, True]
        clock.move(8.0)
        assert [store.hold("n", "b", 10.0), store.hold("m", "b", 10.0)] == [False, True]
        clock.move(2.0)
        assert [store.hold("n", "b", 10.0), store.hold("n", "a", 10.0)] == [True, False]

    def test_letting_go_of_a_name(self, store: Store) -> None:
        assert store.hold("n", "a", 10.0)
        assert store.hold("n", "b", 0.0) is False
        assert store.hold("n", "a", 0.0)
        assert store.hold("n", "b", 10.0)

    def test_of_many_at_once_one_holds_a_name(self, store: Store) -> None:
        start = threading.Barrier(8)
        got: list[bool] = []

        def take(owner: str) -> None:
            start.wait()
            got.append(store.hold("n", owner, 10.0))

        threads = [threading.Thread(target=take, args=(str(n),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 7 + [True]


class Hints:
    """Examples about `publish` and `subscribe`, within a process."""

    def test_only_those_who_asked_hear(self, store: Store) -> None:
        heard: list[str] = []
        store.subscribe(["queue:a", "job:1"], lambda: heard.append("a"))
        store.subscribe(["queue:*"], lambda: heard.append("every"))
        store.subscribe(["leases"], lambda: heard.append("leases"))
        for topics, expected in (
            (["queue:a"], ["a", "every"]),
            (["queue:b"], ["every"]),
            (["job:1"], ["a"]),
            (["job:2", "x", "queue", ""], []),
            (["leases"], ["leases"]),
            ([], []),
        ):
            heard.clear()
            store.publish(topics)
            assert sorted(heard) == expected

    def test_several_topics_are_one_call(self, store: Store) -> None:
        heard: list[int] = []
        store.subscribe(["queue:a", "queue:b"], lambda: heard.append(1))
        store.publish({"queue:a", "queue:b"})
        assert heard == [1]

    def test_closed_is_silent(self, store: Store) -> None:
        heard: list[str] = []
        first = store.subscribe(["queue:a"], lambda: heard.append("first"))
        store.subscribe(["queue:a"], lambda: heard.append("second"))
        first.close()
        first.close()
        store.publish(iter(["queue:a"]))
        assert heard == ["second"]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_any_queue(self, store: Store, text: str) -> None:
        heard = threading.Event()
        store.subscribe([f"queue:{text}"], heard.set)
        store.publish([f"queue:{text}"])
        assert heard.is_set()

    def test_a_broken_callback_hurts_nobody_else(self, store: Store) -> None:
        heard = threading.Event()
        store.subscribe(["queue:a"], lambda: 1 / 0)
        store.subscribe(["queue:a"], heard.set)
        store.publish(["queue:a"])
        assert heard.is_set()

    def test_a_callback_may_close_subscriptions(self, store: Store) -> None:
        heard: list[int] = []

        def once() -> None:
            heard.append(1)
            mine.close()

        mine = store.subscribe(["job:1"], once)
        store.publish(["job:1"])
        store.publish(["job:1"])
        assert heard == [1]


class Opening:
    """Examples about `open`, `close` and `now`."""

    def test_open_and_close_as_often_as_you_like(self, store: Store) -> None:
        store.open()
        store.close()
        store.close()
        assert store.add([job(1)]) == [job(1)]
        store.close()
        store.open()
        assert len(claim(store)) == 1

    def test_time_is_the_clocks(self, store: Store, clock: Clock) -> None:
        assert store.now() == clock()
        clock.move(1.5)
        assert store.now() == clock()
