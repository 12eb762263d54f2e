"""Queues and data stores of the user's own: they work, with the promises they can keep."""

import base64
import json
import logging
import threading
import time
from collections import deque

import pytest

from longshore.compat.huey.backends.base import BaseDataStore, BaseQueue
from longshore.compat.huey.backends.dummy import DummyDataStore
from longshore.compat.huey.decorators import queue_command
from longshore.compat.huey.exceptions import (
    DataStoreGetException,
    DataStoreTimeout,
    QueueException,
    QueueReadException,
    QueueWriteException,
    TaskException,
)
from longshore.compat.huey.queue import Invoker, QueueCommand
from longshore.compat.huey.registry import registry
from longshore.compat.huey.utils import EmptyData
from longshore.testing.waiting import until

FAST = {"INITIAL_DELAY": 0.01, "MAX_DELAY": 0.05}


class ListQueue(BaseQueue):
    def __init__(self, name, **connection):
        super().__init__(name, **connection)
        self.items = deque()

    def write(self, data):
        self.items.append(data)

    def read(self):
        return self.items.popleft() if self.items else None

    def flush(self):
        self.items.clear()

    def __len__(self):
        return len(self.items)


class DictStore(BaseDataStore):
    def __init__(self, name, **connection):
        super().__init__(name, **connection)
        self.items = {}

    def put(self, key, value):
        self.items[key] = value

    def get(self, key):
        return self.items.pop(key, EmptyData)

    def flush(self):
        self.items.clear()


@pytest.fixture
def own():
    return Invoker(ListQueue("own"), result_store=DictStore("results"))


def adder(invoker, **options):
    @queue_command(invoker, **options)
    def add(a, b):
        return a + b

    return add


def test_a_call_is_one_line_of_text(own):
    res = adder(own)(1, b=2)
    [text] = own.queue.items
    message = json.loads(text)
    assert message["id"] == res.task_id
    assert message["command"] == "test_huey_own_backends.queuecmd_add"
    assert base64.b64decode(message["data"])
    assert registry.get_command_for_message(text).get_data() == ((1,), {"b": 2})


def test_by_hand(own):
    res = adder(own)(1, b=2)
    command = own.dequeue()
    assert own.execute(command) == 3
    assert res.get() == 3
    assert res.get() == 3
    assert own.result_store.items == {}
    assert own.dequeue() is None
    own.enqueue(command)
    own.flush()
    assert len(own.queue) == 0


def test_with_a_consumer(own, consume):
    add = adder(own)
    consume(own, THREADS=3, **FAST)
    results = [add(n, n) for n in range(20)]
    assert [res.get(blocking=True, timeout=20, max_delay=0.05) for res in results] == [
        2 * n for n in range(20)
    ]


def test_a_result_store_of_ours_behind_a_queue_of_theirs(consume):
    invoker = Invoker(ListQueue("own"), result_store=DummyDataStore("results"))
    consume(invoker, **FAST)
    assert adder(invoker)(1, 2).get(blocking=True, timeout=20) == 3


def test_a_result_store_of_theirs_behind_a_queue_of_ours(backends, consume):
    invoker = Invoker(backends.queue, result_store=DictStore("results"))
    add = adder(invoker)
    consume(invoker)
    assert add(1, 2).get(blocking=True, timeout=20) == 3
    with pytest.raises(TaskException, match="TypeError"):
        add(1, "x").get(blocking=True, timeout=20)


def test_none_is_kept_if_asked_for(consume):
    for store_none in (True, False):
        invoker = Invoker(ListQueue("own"), result_store=DictStore("results"), store_none=store_none)

        @queue_command(invoker)
        def nothing():
            return None

        res = nothing()
        invoker.execute(invoker.dequeue())
        assert bool(invoker.result_store.items) is store_none
        if store_none:
            assert res.get(blocking=True) is None
        else:
            with pytest.raises(DataStoreTimeout):
                res.get(blocking=True, timeout=0)


def test_retries(own, consume):
    ran = []

    @queue_command(own, retries=2)
    def flaky():
        ran.append(1)
        if len(ran) < 3:
            raise ValueError("not yet")
        return "done"

    consume(own, **FAST)
    assert flaky().get(blocking=True, timeout=20) == "done"
    assert len(ran) == 3
    ran[:] = []
    res = flaky()
    for _ in range(2):  # by hand, after the consumer took none of it
        until(lambda: ran, "a run")
    assert res.get(blocking=True, timeout=20) == "done"


def test_retries_by_hand(own):
    @queue_command(own, retries=1)
    def fail():
        raise ValueError("never")

    res = fail()
    for _ in range(2):
        with pytest.raises(ValueError, match="never"):
            own.execute(own.dequeue())
    assert own.dequeue() is None
    with pytest.raises(TaskException, match="never"):
        res.get(blocking=True)


def test_a_failure_is_no_result_while_retries_are_left(own, consume):
    kept = []
    put = own.result_store.put
    own.result_store.put = lambda key, value: (kept.append(value), put(key, value))

    @queue_command(own, retries=1, retries_as_argument=True)
    def flaky(retries):
        if retries:
            raise ValueError("not yet")
        return "there"

    consume(own, **FAST)
    assert flaky().get(blocking=True, timeout=20) == "there"
    assert len(kept) == 1


def test_a_retry_by_hand_waits(own):
    @queue_command(own, retries=1, retry_delay=60)
    def fail():
        raise ValueError("not yet")

    fail()
    with pytest.raises(ValueError, match="not yet"):
        own.execute(own.dequeue())
    assert 50 < own.dequeue().due - time.time() <= 60


def test_revoke(own, consume):
    add = adder(own)
    res = add(1, 2)
    res.revoke()
    add.revoke(revoke_once=True)
    assert res.is_revoked()
    consume(own, **FAST)
    until(lambda: len(own.queue) == 0, "an empty queue")
    add.restore()
    assert add(3, 4).get(blocking=True, timeout=20) == 7
    assert res.get() is None


def test_an_unknown_command_is_written_back(own, consume, caplog):
    caplog.set_level(logging.INFO)
    own.write(
        registry.get_message_for_command(adder(own).command_class(((), {}))).replace("queuecmd_add", "gone")
    )
    with pytest.raises(QueueException, match=r"gone not found in CommandRegistry"):
        own.dequeue()
    assert len(own.queue) == 1
    consumer = consume(own, **FAST)
    until(lambda: "queue exception" in caplog.text, "the log to tell it")
    assert adder(own)(1, 2).get(blocking=True, timeout=20) == 3  # it goes on
    consumer.stop()
    [text] = own.queue.items
    assert json.loads(text)["command"].endswith(".gone")


def test_what_was_not_finished_is_written_back(own, consume):
    add, began, go = adder(own), threading.Event(), threading.Event()

    @queue_command(own)
    def slow():
        began.set()
        go.wait(20)
        return "finished"

    res = slow()
    later = [add.schedule((n, n), delay=3600) for n in range(3)]
    consumer = consume(own, THREADS=1, **FAST)
    began.wait(20)
    waiting = add(1, 1)
    go.set()
    assert waiting.get(blocking=True, timeout=20) == 2
    until(lambda: not own.queue.items, "the queue to be read")
    consumer.stop()
    assert res.get(blocking=True) == "finished"
    texts = list(own.queue.items)
    assert {json.loads(text)["id"] for text in texts} == {res.task_id for res in later}
    commands = [registry.get_command_for_message(text) for text in texts]
    assert all(command.due is not None and command.execute_time is not None for command in commands)


def test_only_as_many_are_taken_as_can_run(own, consume):
    go, running = threading.Event(), []

    @queue_command(own)
    def slow(number):
        running.append(number)
        go.wait(20)

    for number in range(6):
        slow(number)
    consume(own, THREADS=2, **FAST)
    until(lambda: len(running) == 2, "two to run")
    assert len(own.queue) == 4
    go.set()
    until(lambda: len(running) == 6, "all to run")


class Broken(ListQueue):
    broken = True

    def read(self):
        if self.broken:
            raise OSError("cannot be reached")
        return super().read()

    def write(self, data):
        if self.broken:
            raise OSError("cannot be reached")
        super().write(data)


def test_a_backend_that_fails(consume, caplog):
    queue = Broken("own")
    invoker = Invoker(queue, result_store=DictStore("results"))
    add = adder(invoker)
    with pytest.raises(QueueWriteException, match="cannot be reached"):
        add(1, 2)
    with pytest.raises(QueueReadException, match="cannot be reached"):
        invoker.dequeue()
    consume(invoker, **FAST)
    until(lambda: "queue exception" in caplog.text, "the log to tell it")
    queue.broken = False
    res = add(1, 2)
    assert res.get(blocking=True, timeout=20) == 3
    res.reset()
    invoker.result_store.items = None
    with pytest.raises(DataStoreGetException, match=res.task_id):
        res.get()


def test_what_is_not_defined():
    for call in (lambda q: q.read(), lambda q: q.write(""), lambda q: q.flush(), len):
        with pytest.raises(NotImplementedError, match="define it"):
            call(BaseQueue("q"))
    for call in (lambda s: s.get("k"), lambda s: s.put("k", 1), lambda s: s.flush()):
        with pytest.raises(NotImplementedError, match="define it"):
            call(BaseDataStore("s"))
    with pytest.raises(NotImplementedError, match="execute"):
        QueueCommand().execute()
