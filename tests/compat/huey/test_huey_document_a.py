"""The examples of huey's page "API", on every store, with only the package changed in the import lines."""

import datetime
import threading
import time

import pytest

from longshore.compat.huey.backends.dummy import DummyDataStore, DummyQueue
from longshore.compat.huey.backends.store import StoreQueue
from longshore.compat.huey.decorators import crontab, periodic_command, queue_command
from longshore.compat.huey.exceptions import DataStoreTimeout, QueueException
from longshore.compat.huey.queue import AsyncData, Invoker
from longshore.model import Where
from longshore.testing.clock import Clock
from longshore.testing.waiting import until

pytestmark = pytest.mark.usefixtures("at_once")


def beans(invoker):
    @queue_command(invoker)
    def count_some_beans(num):
        return f"Counted {num} beans"

    return count_some_beans


def test_a1_without_a_result_store(backends):
    before = len(backends.queue)
    res = beans(Invoker(backends.queue))(1000000)
    assert res is None
    assert len(backends.queue) == before + 1


def test_a2_with_a_result_store(invoker, consume):
    consume(invoker)
    res = beans(invoker)(1000000)
    assert isinstance(res, AsyncData)
    assert res.get(blocking=True) == "Counted 1000000 beans"
    assert res.get() == "Counted 1000000 beans"
    assert (
        AsyncData(invoker.result_store, res.task_id).get() == "Counted 1000000 beans"
    )  # reading takes nothing away


def test_a3_not_there_yet(invoker):
    res = beans(invoker)(100)
    assert res.get() is None
    assert res.get() is None


def test_a4_a_slow_one(invoker, consume):
    go = threading.Event()

    @queue_command(invoker)
    def count_some_beans(num):
        go.wait(20)
        return f"Counted {num} beans"

    consume(invoker)
    res = count_some_beans(10000000)
    began = time.monotonic()
    with pytest.raises(DataStoreTimeout) as caught:
        res.get(blocking=True, timeout=0.2)
    assert 0.2 <= time.monotonic() - began < 2
    assert isinstance(caught.value, QueueException)
    with pytest.raises(DataStoreTimeout):
        res.get(blocking=True, timeout=0)
    go.set()
    assert res.get(blocking=True) == "Counted 10000000 beans"


def test_a5_in_an_hour(invoker, consume):
    count_some_beans = beans(invoker)
    in_an_hour = datetime.datetime.now() + datetime.timedelta(seconds=3600)
    res = count_some_beans.schedule(args=(100000,), eta=in_an_hour)
    soon = count_some_beans.schedule(args=(1,))
    consume(invoker)
    assert soon.get(blocking=True, timeout=20) == "Counted 1 beans"
    assert res.get() is None


@pytest.mark.parametrize("convert", [True, False])
def test_a5_the_time_that_is_stored(backends, convert):
    invoker = Invoker(backends.queue)
    in_an_hour = datetime.datetime.now() + datetime.timedelta(seconds=3600)
    assert beans(invoker).schedule(kwargs={"num": 5}, eta=in_an_hour, convert_utc=convert) is None
    command = invoker.dequeue()
    in_utc = in_an_hour.astimezone(datetime.UTC).replace(tzinfo=None)
    assert command.execute_time == (in_utc if convert else in_an_hour)
    assert command.get_data() == ((), {"num": 5})


def test_a6_always_eager(backends):
    ran = []
    for results in (None, backends.results):
        invoker = Invoker(backends.queue, result_store=results, always_eager=True)

        @queue_command(invoker)
        def add(a, b):
            ran.append(a)
            return a + b

        @queue_command(invoker)
        def fail():
            raise ValueError("no")

        res = add(1, b=2)
        assert ran.pop() == 1
        assert res == 3
        assert add.schedule(args=(2, 2), eta=datetime.datetime.now() + datetime.timedelta(hours=1)) == 4
        assert (res.get(blocking=True) == 3) if results else (res == 3)
        with pytest.raises(ValueError, match="no"):
            fail()
    assert len(backends.queue) == 0


@pytest.fixture
def timed(url):
    """An invoker and its clock, which stands at half a minute past noon."""
    clock = Clock(datetime.datetime(2026, 11, 21, 12, 0, 30, tzinfo=datetime.UTC).timestamp())
    queue = StoreQueue("beans", url, clock=clock)
    yield Invoker(queue), clock
    queue.app.close()


@pytest.mark.parametrize("periodic", [False, True])
def test_a7_every_five_minutes(timed, consume, capsys, periodic):
    (invoker, clock), seen, ran = timed, [], []

    def watched(dt):
        seen.append(dt)
        return crontab(minute="*/5")(dt)

    @periodic_command(invoker, watched)
    def every_five_minutes():
        ran.append(1)
        print("It's been five minutes")

    assert every_five_minutes() is None
    assert capsys.readouterr().out == "It's been five minutes\n"
    assert len(invoker.queue) == 0
    assert not hasattr(every_five_minutes, "schedule")
    ticker = consume(invoker, PERIODIC=periodic)._worker.ticker
    until(lambda: ticker.ready, "the consumer to know its schedules")
    clock.move(270)  # five minutes past
    ticker.changed()
    if periodic:
        until(lambda: len(ran) == 2, "the function to run")
        assert all(dt.tzinfo is None and dt.second == 0 for dt in seen)
    ticker.step()
    assert len(ran) == (2 if periodic else 1)
    assert bool(seen) is periodic


def test_a7_a_revoked_one_is_left_out(consume):
    clock = Clock(datetime.datetime(2026, 11, 21, 12, 0, 30, tzinfo=datetime.UTC).timestamp())
    invoker = Invoker(DummyQueue("beans", clock=clock), DummyDataStore("results"))
    ran = []

    @periodic_command(invoker, crontab())
    def every_minute():
        ran.append(clock())
        return "nobody reads this"

    ticker = consume(invoker, PERIODIC=True)._worker.ticker
    until(lambda: ticker.ready, "the consumer to know its schedules")
    every_minute.revoke(revoke_once=True)
    for tick in (1, 2, 3):
        clock.move(60)
        ticker.changed()
        until(lambda tick=tick: ended(invoker.queue.app.store.count()) == tick, "the tick's job")
    assert len(ran) == 2
    assert not every_minute.is_revoked()
    done = invoker.queue.app.store.find(Where(states=("succeeded",)), 9)
    assert [AsyncData(invoker.result_store, job.id).get() for job in done] == [None, None]


def ended(counts):
    return sum(number for (_, state), number in counts.items() if state in ("succeeded", "cancelled"))


def test_a7_the_minutes():
    five = crontab(minute="*/5")
    assert [m for m in range(60) if five(datetime.datetime(2026, 1, 1, 0, m))] == list(range(0, 60, 5))


def test_a9_the_invoker(backends):
    invoker = Invoker(backends.queue, result_store=backends.results)
    assert (invoker.queue, invoker.result_store) == (backends.queue, backends.results)
    assert (invoker.task_store, invoker.store_none, invoker.always_eager) == (None, False, False)
    assert invoker.blocking is backends.queue.blocking
