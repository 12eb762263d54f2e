"""The invoker, its commands and their results, by hand and with a consumer, on every store."""

import dataclasses
import datetime
import logging
import time

import pytest

from longshore.compat.huey.backends.dummy import DummyDataStore, DummyQueue
from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.decorators import periodic_command, queue_command
from longshore.compat.huey.exceptions import (
    ConfigurationError,
    DataStoreTimeout,
    QueueException,
    RegistrationError,
    TaskException,
)
from longshore.compat.huey.queue import (
    AsyncData,
    CommandSchedule,
    Invoker,
    PeriodicQueueCommand,
    QueueCommand,
)
from longshore.compat.huey.registry import registry
from longshore.compat.huey.utils import EmptyData
from longshore.errors import NotEncodable
from longshore.testing.clock import Clock
from longshore.testing.waiting import until

SEEN = []


class Note(QueueCommand):
    def execute(self):
        SEEN.append(self.get_data())
        return self.get_data()


class Nightly(PeriodicQueueCommand):
    def execute(self):
        return "slept"


def test_dequeue_and_execute(invoker):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    res = add(1, b=2)
    command = invoker.dequeue()
    assert command.task_id == res.task_id
    assert type(command) is add.command_class
    assert command.get_data() == ((1,), {"b": 2})
    assert len(invoker.queue) == 0
    assert invoker.execute(command) == 3
    assert res.get() == 3
    assert invoker.dequeue() is None


def test_what_it_cannot_execute(invoker):
    for thing in (None, "x", 5):
        with pytest.raises(TypeError, match="Unknown object"):
            invoker.execute(thing)


def test_commands_are_taken_in_order(invoker):
    for number in range(5):
        invoker.enqueue(Note({"number": number}))
    assert [invoker.dequeue().get_data()["number"] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_command_of_a_class(invoker, consume):
    consume(invoker)
    SEEN.clear()
    assert invoker.enqueue(Note([1, (2, 3)], task_id="my own id")).get(blocking=True, timeout=20) == [
        1,
        (2, 3),
    ]
    assert SEEN == [[1, (2, 3)]]
    assert "test_huey_invoker.Note" in registry
    assert registry.get_command_class("test_huey_invoker.Note") is Note
    assert Note("x", "1") == Note("y", "1")
    assert Note("x", "1") != Note("x", "2")
    assert Nightly().task_id == "test_huey_invoker.Nightly"
    assert any(isinstance(command, Nightly) for command in registry.get_periodic_commands())


def test_the_registry_by_hand():
    class Passing(QueueCommand):
        pass

    text = registry.get_message_for_command(Passing({"a": 1}, "id", datetime.datetime(2030, 1, 1)))
    again = registry.get_command_for_message(text)
    assert (again.task_id, again.get_data(), again.execute_time) == (
        "id",
        {"a": 1},
        datetime.datetime(2030, 1, 1),
    )
    assert Passing in registry
    registry.unregister(Passing)
    assert Passing not in registry
    with pytest.raises(QueueException, match="not found in CommandRegistry"):
        registry.get_command_for_message(text)
    with pytest.raises(QueueException, match="Passing"):
        registry.unregister(Passing)


def test_two_commands_of_one_name(invoker):
    @queue_command(invoker)
    def same():
        return 1

    def other():
        return 2

    other.__name__, other.__qualname__ = "same", "same"
    with pytest.raises(RegistrationError, match=r"queuecmd_same.*Rename"):
        queue_command(invoker)(other)


def test_messages_by_hand(backends):
    invoker = Invoker(backends.queue)
    invoker.write("first")
    invoker.write("second")
    assert len(backends.queue) == 2
    assert invoker.read() == "first"
    assert (invoker.read(), invoker.read()) == ("second", None)
    invoker.enqueue(Note(1))
    text = backends.queue.read()
    assert registry.get_command_for_message(text).get_data() == 1
    invoker.write(text)
    assert backends.queue.remove(text) == 1
    for number in range(3):
        invoker.enqueue(Note(number))
    invoker.flush()
    assert len(backends.queue) == 0
    assert invoker.dequeue() is None


def test_a_data_store_by_hand(backends):
    store = backends.results
    assert store.get("k") is EmptyData
    store.put("k", None)
    assert store.peek("k") is None
    assert store.get("k") is None
    assert store.get("k") is EmptyData
    store.put("k", 1)
    store.put("k", {"a": [2]})
    store.put("other", 3)
    assert store.peek("k") == {"a": [2]}
    store.flush()
    assert (store.get("k"), store.get("other")) == (EmptyData, EmptyData)


def test_an_unknown_command_stays(invoker):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    text = registry.get_message_for_command(Note(1)).replace("Note", "Gone")
    invoker.write(text)
    add(1, 2)
    with pytest.raises(QueueException, match=r"test_huey_invoker\.Gone not found in CommandRegistry"):
        invoker.dequeue()
    assert len(invoker.queue) == 2  # kept
    assert invoker.execute(invoker.dequeue()) == 3


def test_retries(invoker, consume, caplog):
    caplog.set_level(logging.INFO)
    left, ran = [], []

    @queue_command(invoker, retries=2, retries_as_argument=True)
    def flaky(value, retries=None):
        left.append(retries)
        if retries:
            raise ValueError("not yet")
        return value

    @queue_command(invoker, retries=1, retry_delay=0.1)
    def hopeless():
        ran.append(time.monotonic())
        raise ValueError("never")

    consume(invoker)
    assert flaky("x").get(blocking=True, timeout=20) == "x"
    assert left == [2, 1, 0]
    res = hopeless()
    with pytest.raises(TaskException, match=r"ValueError: never"):
        res.get(blocking=True, timeout=20)
    with pytest.raises(TaskException) as caught:
        res.get()
    assert caught.value.kind == "ValueError"
    assert "in hopeless" in caught.value.traceback
    first, second = ran
    assert second - first > 0.09
    assert f"re-enqueueing task {res.task_id}, 1 tries left" in caplog.text
    assert "unhandled exception in worker thread" in caplog.text


def test_retries_by_hand(invoker):
    @queue_command(invoker, retries=1)
    def fail():
        raise ValueError("never")

    res = fail()
    for _ in range(2):
        with pytest.raises(ValueError, match="never"):
            invoker.execute(invoker.dequeue())
    assert invoker.dequeue() is None
    with pytest.raises(TaskException, match="after 2 runs"):
        res.get(blocking=True)


def test_none_is_a_result(invoker, consume):
    @queue_command(invoker)
    def nothing():
        return None

    consume(invoker)
    assert nothing().get(blocking=True, timeout=20) is None


def test_delay(invoker, consume):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    with pytest.raises(ValueError, match="not both"):
        add.schedule((1, 2), eta=datetime.datetime.now(), delay=1)
    with pytest.raises(ValueError, match="eta must be a datetime, not '17:00'"):
        add.schedule((1, 2), eta="17:00")
    with pytest.raises(ValueError, match="delay must be seconds or a timedelta, not '1h'"):
        add.schedule((1, 2), delay="1h")
    consume(invoker)
    began = invoker.queue.app.store.now()
    res = add.schedule((1, 2), delay=0.3)
    assert res.get(blocking=True, timeout=20) == 3
    assert invoker.queue.app.store.now() - began >= 0.3


def test_an_aware_eta_is_that_instant(invoker):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    zone = datetime.timezone(datetime.timedelta(hours=-6))
    add.schedule((1, 2), eta=datetime.datetime(2030, 6, 1, 12, tzinfo=zone))
    assert invoker.dequeue().execute_time == datetime.datetime(2030, 6, 1, 18)


@pytest.fixture
def chicago(monkeypatch):
    """This machine is six hours behind UTC."""
    monkeypatch.setenv("TZ", "CST6")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("utc", [True, False])
def test_local_time_is_converted(chicago, utc):
    invoker = Invoker(DummyQueue("q"))
    type("Configuration", (BaseConfiguration,), {"QUEUE": invoker.queue, "UTC": utc})

    @queue_command(invoker)
    def add(a, b):
        return a + b

    noon = datetime.datetime(2030, 6, 1, 12)
    six = datetime.datetime(2030, 6, 1, 18, tzinfo=datetime.UTC).timestamp()
    add.schedule((1, 2), eta=noon)
    command = invoker.dequeue()
    assert (command.execute_time, command.due) == (datetime.datetime(2030, 6, 1, 18), six)
    add.schedule((1, 2), eta=noon, convert_utc=False)
    command = invoker.dequeue()
    assert (command.execute_time, command.due) == (noon, six - 6 * 3600 if utc else six)


def test_the_minutes_of_local_time(chicago, consume, at_once):
    seen = []
    for utc in (True, False):
        clock = Clock(datetime.datetime(2030, 6, 1, 18, 0, 30, tzinfo=datetime.UTC).timestamp())
        invoker = Invoker(DummyQueue("q", clock=clock))
        periodic_command(invoker, lambda dt: bool(seen.append(dt)))(print)
        consumer = consume(invoker, PERIODIC=True, UTC=utc)
        until(lambda ticker=consumer._worker.ticker: ticker.ready, "the consumer to know its schedules")
        clock.move(60)
        consumer._worker.ticker.step()
        consumer.stop()
        assert seen[-1].hour == (18 if utc else 12)
        assert seen[-1].tzinfo is None


def test_revoke_and_restore(invoker, consume):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    gone, back = add(1, 2), add(3, 4)
    gone.revoke()
    back.revoke()
    assert back.is_revoked()
    assert back.restore()
    assert not back.is_revoked()
    consume(invoker)
    assert back.get(blocking=True, timeout=20) == 7
    with pytest.raises(TaskException, match="revoked"):
        gone.get(blocking=True, timeout=20)
    assert gone.get() is None


def test_revoke_all_of_a_command(invoker, consume):
    @queue_command(invoker)
    def add(a, b):
        return a + b

    now = datetime.datetime.now()
    add.revoke(revoke_until=now + datetime.timedelta(hours=1))
    assert add.is_revoked()
    assert add.is_revoked(now)
    assert not add.is_revoked(now + datetime.timedelta(hours=1))  # at that instant it runs again
    add.revoke(revoke_until=now - datetime.timedelta(seconds=1))  # over; the latest word counts
    assert not add.is_revoked()
    consume(invoker)
    assert add(0, 1).get(blocking=True, timeout=20) == 1
    assert add.restore() is False  # used up
    add.revoke(revoke_once=True)
    first = add(1, 2)
    with pytest.raises(TaskException, match="revoked"):
        first.get(blocking=True, timeout=20)
    assert add(3, 4).get(blocking=True, timeout=20) == 7
    assert add.restore() is False


def test_revoke_on_timeout(invoker):
    res = invoker.enqueue(Note(1))
    with pytest.raises(DataStoreTimeout):
        res.get(blocking=True, timeout=0, revoke_on_timeout=True)
    assert res.is_revoked()


def test_revoking_needs_a_result_store(backends):
    invoker = Invoker(backends.queue)

    @queue_command(invoker)
    def add(a, b):
        return a + b

    with pytest.raises(QueueException, match="result_store"):
        add.revoke()
    assert not add.is_revoked()


def test_a_handle_by_hand_cannot_revoke(backends):
    res = AsyncData(backends.results, "id")
    assert res.get() is None
    with pytest.raises(QueueException, match="without an invoker"):
        res.revoke()
    res.reset()


def test_arguments_are_plain_data(invoker, consume):
    @queue_command(invoker)
    def one(a):
        return a

    class Thing:
        pass

    with pytest.raises(NotEncodable, match="Thing"):
        one(Thing())
    consume(invoker)
    values = [1, (2, {"three"}), datetime.datetime(2030, 1, 1), None]
    assert one(values).get(blocking=True, timeout=20) == values
    with pytest.raises(TaskException, match="TypeError"):  # what does not fit shows when it runs
        one(1, 2, 3).get(blocking=True, timeout=20)


@dataclasses.dataclass
class Order:
    number: int
    lines: list[str]


def test_arguments_of_a_declared_class(invoker, consume):
    """By hand and with a consumer; and of a class that is not declared, the error says what to do."""
    seen = []

    @queue_command(invoker)
    def ship(order: Order, to="home"):
        seen.append((order, to))
        return order.number

    @queue_command(invoker)
    def undeclared(order):
        pass

    order = Order(7, ["beans"])
    res = ship(order)
    command = invoker.dequeue()
    assert command.get_data() == ((order,), {})
    assert invoker.execute(command) == res.get() == 7
    consume(invoker)
    assert ship(order, to="work").get(blocking=True, timeout=20) == 7
    assert seen == [(order, "home"), (order, "work")]
    with pytest.raises(NotEncodable, match=r"undeclared.*order.*annotate the parameter"):
        undeclared(order)


def test_what_cannot_be_an_invoker():
    with pytest.raises(ConfigurationError, match="queue"):
        Invoker(None)
    with pytest.raises(ConfigurationError, match="Invoker"):
        queue_command(len)
    with pytest.raises(ConfigurationError, match="coroutine"):

        @queue_command(Invoker(DummyQueue("q")))
        async def later():
            pass

    with pytest.raises(ConfigurationError, match=r"datetime -> bool"):
        periodic_command(Invoker(DummyQueue("q")), "* * * * *")
    with pytest.raises(ConfigurationError, match="retries"):
        queue_command(Invoker(DummyQueue("q")), retries=-1)
    with pytest.raises(ConfigurationError, match="name"):
        DummyQueue("a queue")


def test_a_program_of_ones_own_keeps_a_schedule(invoker):
    invoker.task_store = DummyDataStore("tasks")
    schedule = CommandSchedule(invoker)
    schedule.load()
    soon, later = Note(1), Note(2, execute_time=datetime.datetime(2999, 1, 1))
    for command in (soon, later, later):
        schedule.add(command)
    assert (schedule.should_run(soon), schedule.should_run(later)) == (True, False)
    assert schedule.should_run(later, datetime.datetime(2999, 1, 1))
    schedule.remove(soon)
    schedule.save()
    again = CommandSchedule(invoker)
    again.load()
    assert again.is_pending(later)
    assert again.commands() == [later]


def test_a_consumer_starts_again(invoker, consume):
    consumer = consume(invoker)
    with pytest.raises(ConfigurationError, match="runs already"):
        consumer.start()
    consumer.stop()
    consumer.stop()
    res = invoker.enqueue(Note("late"))
    consumer.start()
    assert res.get(blocking=True, timeout=20) == "late"
    until(lambda: len(invoker.queue) == 0, "an empty queue")
