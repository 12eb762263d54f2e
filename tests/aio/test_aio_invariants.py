"""Whatever is done to a scheduler, in whatever order: its limits hold, it loses nothing, and it counts right."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from longshore.aio import Scheduler, SchedulerClosed, SchedulerFull

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "spawn",
                "spawn",
                "spawn",
                "nowait",
                "finish",
                "finish",
                "fail",
                "cancel",
                "wait",
                "give up",
                "turn",
                "turn",
            ]
        ),
        st.integers(0, 30),
    ),
    max_size=60,
)


class Run:
    """One run of a list of steps against one scheduler."""

    def __init__(self, limit, pending_limit):
        self.reported = []
        self.scheduler = Scheduler(
            limit=limit,
            pending_limit=pending_limit,
            exception_handler=lambda _, context: self.reported.append(context),
        )
        self.limit, self.pending_limit = limit, pending_limit
        self.ends: list[asyncio.Future] = []
        self.coros, self.spawns, self.waiters, self.jobs = [], [], [], []
        self.running = 0

    async def work(self, end):
        self.running += 1
        assert self.limit is None or self.running <= self.limit
        try:
            return await end
        finally:
            self.running -= 1

    def coro(self):
        self.ends.append(asyncio.get_running_loop().create_future())
        self.coros.append(self.work(self.ends[-1]))
        return self.coros[-1]

    async def spawn(self):
        self.jobs.append(await self.scheduler.spawn(self.coro()))

    async def step(self, what, number):
        match what:
            case "spawn":
                self.spawns.append(asyncio.create_task(self.spawn()))
            case "nowait":
                try:
                    self.jobs.append(self.scheduler.spawn_nowait(self.coro()))
                except SchedulerFull:
                    assert self.scheduler.active_count == self.limit
            case "finish" | "fail" if self.ends:
                end = self.ends[number % len(self.ends)]
                if not end.done():
                    end.set_result(number) if what == "finish" else end.set_exception(ValueError(number))
            case "cancel" if self.jobs:
                self.jobs[number % len(self.jobs)].cancel()
            case "wait" if self.jobs:
                self.waiters.append(asyncio.create_task(self.jobs[number % len(self.jobs)].wait()))
            case "give up" if self.waiters or self.spawns:
                tasks = self.waiters + self.spawns
                tasks[number % len(tasks)].cancel()
            case "turn":
                await asyncio.sleep(0)

    def check(self):
        snapshot = self.scheduler.snapshot()
        assert self.limit is None or snapshot.active <= self.limit
        assert self.pending_limit == 0 or snapshot.pending <= self.pending_limit
        assert not snapshot.pending or snapshot.active == self.limit, "a free slot while jobs wait"
        assert not snapshot.blocked or snapshot.pending == self.pending_limit, "room while spawns wait"
        counters = snapshot.counters
        ended = counters.succeeded + counters.failed + counters.cancelled + counters.timed_out
        assert counters.spawned == ended + len(self.scheduler)

    async def end(self):
        await self.scheduler.close()
        outcomes = await asyncio.gather(*self.spawns, *self.waiters, return_exceptions=True)
        right = (int, type(None), ValueError, SchedulerClosed, asyncio.CancelledError)
        assert all(isinstance(outcome, right) for outcome in outcomes)
        assert len(self.scheduler) == 0
        assert self.running == 0
        assert all(coro.cr_frame is None for coro in self.coros), "a coroutine was left behind"
        assert all(job.closed for job in self.jobs)
        errors = [id(context["exception"]) for context in self.reported]
        assert len(errors) == len(set(errors)), "reported twice"
        heard = {id(outcome) for outcome in outcomes if isinstance(outcome, ValueError)}
        # Both is right for one who began to wait after the job had failed; neither is an error lost.
        assert len(heard | set(errors)) == self.scheduler.counters.failed, "an error was lost"
        for end in self.ends:
            end.cancel()


@settings(max_examples=200, deadline=None)
@given(limit=st.sampled_from([1, 2, 5, None]), pending_limit=st.sampled_from([0, 1, 3]), steps=STEPS)
def test_invariants(limit, pending_limit, steps):
    async def main():
        run = Run(limit, pending_limit)
        for what, number in steps:
            await run.step(what, number)
            run.check()
        await run.end()

    asyncio.run(main())
