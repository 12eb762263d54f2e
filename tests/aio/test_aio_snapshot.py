"""What operators see."""

import asyncio
import pickle


async def inner(event):
    await event.wait()


async def outer(event):
    await inner(event)


async def test_a_snapshot_names_ages_and_places_each_job(make_scheduler, turns):
    scheduler = make_scheduler(limit=1)
    active = await scheduler.spawn(outer(asyncio.Event()), name="active one")
    await scheduler.spawn(outer(asyncio.Event()))
    await turns()
    snapshot = scheduler.snapshot()
    assert (snapshot.state, snapshot.limit, snapshot.active, snapshot.pending) == ("open", 1, 1, 1)
    first, second = snapshot.jobs
    assert (first.name, first.state) == ("active one", "active")
    assert first.age >= first.running >= 0
    assert [place.rsplit(" in ", 1)[1] for place in first.stack] == ["outer", "inner", "Event.wait"]
    assert __file__ in first.stack[0]
    assert first.where.endswith("Event.wait")
    assert (second.name, second.state, second.running, second.where) == ("outer", "pending", None, None)
    assert str(snapshot).startswith("open: 1 active (limit 1), 1 pending, 0 blocked\nactive one  active")
    assert pickle.loads(pickle.dumps(snapshot)) == snapshot  # noqa: S301
    active.cancel()
    assert scheduler.snapshot().jobs[0].state == "stopping"


async def test_a_place_inside_generators_of_both_kinds(scheduler, turns):
    async def items():
        await asyncio.Event().wait()
        yield 1

    async def work():
        async for _ in items():
            pass

    await scheduler.spawn(work())
    await turns()
    assert scheduler.snapshot().jobs[0].stack[0].endswith("work")


async def test_counters(make_scheduler, stubborn):
    scheduler = make_scheduler(limit=4)

    async def fail():
        raise ValueError

    await scheduler.spawn(asyncio.sleep(0))
    await scheduler.spawn(fail())
    await scheduler.spawn(asyncio.Event().wait(), timeout=0)
    cancelled = await scheduler.spawn(asyncio.Event().wait())
    await cancelled.close()
    await scheduler.join()
    stuck = await scheduler.spawn(stubborn(), timeout=0)
    await asyncio.wait([asyncio.create_task(stuck.wait())])
    await scheduler.spawn(asyncio.Event().wait())
    assert scheduler.counters.as_dict() == {
        "spawned": 6,
        "succeeded": 1,
        "failed": 1,
        "cancelled": 1,
        "timed_out": 2,
        "refused": 0,
    }
    stubborn.released.set()
    await scheduler.close()
    assert scheduler.counters.spawned == 6
    assert scheduler.counters.cancelled == 2
