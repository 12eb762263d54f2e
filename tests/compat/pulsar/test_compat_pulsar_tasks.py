"""Tasks of pulsar jobs, queued and run, on every store."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pulsar_jobs.flows
import pytest

from longshore import App, ArgumentError, ConfigError
from longshore.compat.pulsar.tasks import (
    FAILURE,
    QUEUED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    Task,
    TaskBackend,
    TaskNotAvailable,
    TaskQueue,
    TaskTimeout,
    nice_task_message,
)
from longshore.model import Where
from longshore.testing.waiting import until

pytestmark = pytest.mark.usefixtures("at_once")

WAIT = 20


def ended(backend: TaskBackend, *args: Any, **kwargs: Any) -> Task:
    """Queue it and wait for its end."""
    task_id = backend.queue_task(*args, **kwargs).result()
    task = backend.wait_for_task(task_id, timeout=WAIT).result()
    assert isinstance(task, Task)
    return task


def test_the_backend_works_before_the_start(queue: TaskQueue) -> None:
    backend = queue.backend
    task_id = backend.queue_task("addition", a=1, b=2).result()
    task = backend.get_task(task_id).result()
    assert (task.id, task.name, task.status, task.status_string()) == (task_id, "addition", QUEUED, "QUEUED")
    assert (task.kwargs, task.done(), task.lock_id, task.expiry) == ({"a": 1, "b": 2}, False, None, None)
    assert (task["id"], task.get("nothing")) == (task_id, None)
    assert task.info() == f"task.addition({task_id})"
    with queue:
        task = backend.wait_for_task(task_id, timeout=WAIT).result()
    assert (task.status, task.result, task.done()) == (SUCCESS, 3, True)
    assert task.time_queued <= task.time_started <= task.time_ended
    assert task.worker == backend.worker.name if backend.worker else False
    assert nice_task_message(task.to_json()).startswith(f"addition ({task_id[:8]}) SUCCESS at 20")
    assert backend.processed == 1
    assert backend.num_concurrent_tasks == 0


async def test_awaited(queue: TaskQueue) -> None:
    backend = queue.backend
    future = backend.queue_task("addition", a=4)
    assert isinstance(future, asyncio.Future)
    async with queue:
        task = await backend.wait_for_task(await future, timeout=WAIT)
    assert (task.result, (await backend.get_task(task.id)).result) == (4, 4)
    assert [task.id for task in await backend.get_tasks([task.id, "0" * 32])] == [task.id]
    assert await backend.get_task("0" * 32) is None
    assert await backend.wait_for_task("0" * 32) is None


def test_what_is_given_outside_a_loop_can_be_awaited_too(backend: TaskBackend) -> None:
    task_id = asyncio.run(backend.queue_task("addition", a=1))  # type: ignore[arg-type]

    async def later(reply: Any) -> Any:
        return await reply

    reply = backend.queue_task("addition")
    assert reply.done()
    assert asyncio.run(later(reply)) == reply.result() != task_id


def test_failure(queue: TaskQueue) -> None:
    with queue:
        task = ended(queue.backend, "failing")
    assert (task.status, task.result, task.done()) == (FAILURE, "no such luck", True)
    assert "ValueError" in (task.stacktrace or "")


def test_retries(queue: TaskQueue, tmp_path: Path) -> None:
    backend, path = queue.backend, str(tmp_path / "runs")
    task_id = backend.queue_task("stubborn", path=path).result()
    queue.app.run(task_id)
    assert backend.get_task(task_id).result().status == RETRY
    with queue:
        task = backend.wait_for_task(task_id, WAIT).result()
    assert (task.status, task.result, Path(path).read_text()) == (SUCCESS, "at last", "...")


def test_generators_and_what_they_yield(queue: TaskQueue) -> None:
    with queue:
        assert ended(queue.backend, "generator").result == [7, "content of good", "content of inner"]
        assert ended(queue.backend, "generator", url="bad").result[1] == "caught LookupError('bad')"
        assert ended(queue.backend, "givescoroutine").result == "content of good"
        assert ended(queue.backend, "givescoroutine", url="bad").status == FAILURE


def test_coroutines_run_beside_each_other_up_to_the_limit(url: str) -> None:
    queue = TaskQueue(name="shop", task_paths="pulsar_jobs.flows", task_backend=url, concurrent_tasks=3)
    pulsar_jobs.flows.most = 0
    ids = [queue.backend.queue_task("crawler", size=size).result() for size in range(6)]
    with queue:
        tasks = [queue.backend.wait_for_task(i, WAIT).result() for i in ids]
    assert [task.result for task in tasks] == [0, 100, 200, 300, 400, 500]
    assert pulsar_jobs.flows.most == 3
    queue.close()


def test_a_job_queues_others(queue: TaskQueue) -> None:
    with queue:
        task = ended(queue.backend, "parent", children=2)
        assert task.result["task"] == task.id
        assert task.result["worker"] == task.worker
        for child_id in task.result["children"]:
            child = queue.backend.wait_for_task(child_id, WAIT).result()
            assert (child.from_task, child.note, child.status) == (task.id, "n", SUCCESS)
            assert (child.meta, child.to_json()["note"]) == ({"note": "n"}, "n")
            with pytest.raises(AttributeError, match="a task has no 'nothing'"):
                _ = child.nothing
        child_id = ended(queue.backend, "plainparent").result
        assert queue.backend.wait_for_task(child_id, WAIT).result().result == 3


def test_what_a_job_queued_and_did_not_await_is_stored_before_it_ends(queue: TaskQueue) -> None:
    with queue:
        task = ended(queue.backend, "parent", children=20, awaited=False)
        found = queue.app.store.find(Where(task="addition"), 100)
        assert len(found) == 20, task


# -- expiry -------------------------------------------------------------------------------------------------------------


def test_what_does_not_start_in_time_is_revoked(queue: TaskQueue) -> None:
    backend = queue.backend
    with queue:
        assert ended(backend, "addition", expiry=0).status == REVOKED
        assert ended(backend, "addition", expiry=-1).status == REVOKED
        assert ended(backend, "addition", expiry=timedelta(hours=1)).status == SUCCESS
        assert ended(backend, "impatient").result == "in time"


def test_it_expires_without_a_worker_too(backend: TaskBackend) -> None:
    task_id = backend.queue_task("addition", expiry=0).result()
    task = backend.get_task(task_id).result()
    assert (task.status, task.result) == (REVOKED, "expired before it could begin")
    task_id = backend.queue_task("impatient").result()
    task = backend.get_task(task_id).result()
    assert (task.status, task.expiry - task.time_queued) == (QUEUED, pytest.approx(0.2))
    assert backend.wait_for_task(task_id).result().status == REVOKED
    longer = backend.get_task(backend.queue_task("impatient", expiry=60).result()).result()
    assert longer.expiry - longer.time_queued == pytest.approx(60)


async def test_waiting_ends_in_time(backend: TaskBackend) -> None:
    task_id = await backend.queue_task("impatient", expiry=60)
    with pytest.raises(TimeoutError):
        await backend.wait_for_task(task_id, timeout=0)
    with pytest.raises(TaskTimeout):
        await backend.wait_for_task(task_id, timeout=0.05)
    assert (
        await backend.wait_for_task(await backend.queue_task("impatient"), timeout=WAIT)
    ).status == REVOKED


# -- overlap ------------------------------------------------------------------------------------------------------------


def test_no_second_task_while_one_is_not_done(queue: TaskQueue) -> None:
    backend = queue.backend
    first = backend.queue_task("alone", a=1).result()
    assert first
    assert backend.queue_task("alone", a=2).result() is None
    assert backend.queue_task("otheralone", a=1).result(), "another job, the same arguments"
    assert backend.get_task(first).result().lock_id == "alone:shop"
    assert backend.generate_task_ids(backend.registry["alone"], {})[1] == "alone:shop"
    with queue:
        backend.wait_for_task(first, WAIT).result()
        again = backend.queue_task("alone", a=1).result()
        assert again
        assert again != first


async def test_no_second_task_awaited(backend: TaskBackend) -> None:
    found = await asyncio.gather(*(backend.queue_task("alone", a=n) for n in range(5)))
    assert len([one for one in found if one]) == 1


def test_by_arguments(backend: TaskBackend) -> None:
    one = backend.queue_task("alonebyarguments", a=1, b=2).result()
    assert one
    assert backend.queue_task("alonebyarguments", b=2, a=1).result() is None
    assert backend.queue_task("alonebyarguments", a=1, b=3).result()


def test_a_function_of_the_arguments_decides(backend: TaskBackend) -> None:
    for job in ("sometimes", "askedasmethod"):
        assert backend.queue_task(job, inputs=1).result()
        assert backend.queue_task(job, inputs=2).result(), job
        assert backend.queue_task(job).result(), job
        assert backend.queue_task(job).result() is None, job
    assert backend.queue_task("sometimes", other=1).result() is None


def test_queues_of_other_names_are_other_queues(url: str, queue: TaskQueue) -> None:
    other = TaskQueue(name="bank", task_paths="pulsar_jobs.*", task_backend=queue.app)
    if url != "memory://":
        other = TaskQueue(name="bank", task_paths="pulsar_jobs.*", task_backend=url)
        assert queue.backend.queue_task("alone").result()
        mine = queue.backend.queue_task("addition").result()
        with other:
            assert ended(other.backend, "alone").status == SUCCESS
            assert queue.backend.get_task(mine).result().status == QUEUED
        other.close()
    else:
        with pytest.raises(ConfigError, match="is taken by"):
            _ = other.backend  # one App knows a job once


# -- errors -------------------------------------------------------------------------------------------------------------


def test_bad_input(backend: TaskBackend) -> None:
    with pytest.raises(
        TaskNotAvailable, match=r'^Task adition is not registered; did you mean "addition"'
    ) as caught:
        backend.queue_task("adition")
    assert caught.value.task_name == "adition"
    with pytest.raises(ArgumentError, match='has no argument "c"'):
        backend.queue_task("addition", c=1)
    with pytest.raises(ConfigError, match="expiry must be seconds"):
        backend.queue_task("addition", expiry="soon")
    with pytest.raises(ConfigError, match="meta_params must be what JSON can hold"):
        backend.queue_task("addition", {"x": object()})
    with pytest.raises(
        ConfigError, match='there is no event "task_end": task_queued, task_started, task_done'
    ):
        backend.bind_event("task_end", print)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks_path": ["x"]}, 'has no setting "tasks_path"; did you mean "task_paths"'),
        ({"task_backend": "pulsar://127.0.0.1:6410/1"}, "is not a store's URL"),
        ({"concurrent_tasks": 0}, "concurrent_tasks must be a whole number of at least 1, not 0"),
        ({"workers": True}, "workers must be"),
        ({"name": "a b"}, "the name of a task queue must be"),
        ({"task_paths": ["pulsar_nowhere.*"]}, '"pulsar_nowhere.*" leads nowhere'),
        ({"task_paths": ["__main__"], "workers": 2}, "move its jobs to a module of their own"),
        ({"task_paths": [], "workers": 2}, "processes do not share a memory store"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TaskQueue(**{"task_backend": "memory://", **settings}).start()
    assert words in str(caught.value)


def test_jobs_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for number, (text, words) in enumerate(
        [
            (
                "class X(tasks.Job):\n    def __call__(self): ...",
                'job "x" takes no consumer: write def __call__(self,',
            ),
            (
                "class X(tasks.Job):\n    async def __call__(self, consumer): yield 1",
                "asynchronous generator",
            ),
            ("class X(tasks.PeriodicJob): ...", '"x" does not have one. Write it in class X'),
            ("class X(tasks.Job):\n    timeout = 'soon'", 'timeout of job "x" must be seconds'),
            (
                "class X(tasks.Job):\n    can_overlap = False\n    lock_by = 'name'",
                'lock_by must be "job" or "kwargs"',
            ),
        ]
    ):
        name = f"pulsar_wrong{number}"
        (tmp_path / f"{name}.py").write_text(f"from longshore.compat.pulsar import tasks\n{text}\n")
        with pytest.raises((ConfigError, NotImplementedError)) as caught:
            _ = TaskQueue(task_paths=[name], task_backend="memory://").backend
        assert words in str(caught.value)
    with pytest.raises(ConfigError, match="max_tasks=5: workers are not restarted"):
        TaskBackend("memory://", max_tasks=5)
    with pytest.raises(TaskNotAvailable, match=r"no job is\. Name the modules"):
        TaskBackend("memory://").queue_task("x")


# -- life ---------------------------------------------------------------------------------------------------------------


def test_start_in_a_thread_ends_with_stop(queue: TaskQueue) -> None:
    called = []
    queue.callable = lambda: called.append(1)
    thread = threading.Thread(target=queue.start)
    thread.start()
    assert ended(queue.backend, "addition", a=5).result == 5
    queue.stop()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert called == [1]


async def test_start_in_a_coroutine(queue: TaskQueue) -> None:
    started = queue.start()
    assert started is not None
    await started
    task = await queue.backend.wait_for_task(await queue.backend.queue_task("crawler"), WAIT)
    assert task.result == 1000
    stopped = queue.stop()
    assert stopped is not None
    await stopped
    with pytest.raises(ConfigError, match="started from the main thread"):
        TaskQueue(task_backend=queue.app, workers=2).start()


def test_running_tasks_are_told(queue: TaskQueue) -> None:
    backend = queue.backend
    with queue:
        task_id = backend.queue_task("crawler").result()
        until(lambda: task_id in backend.concurrent_tasks, "the task to run")
        assert backend.get_task(task_id).result().status == STARTED
        backend.wait_for_task(task_id, WAIT).result()


def test_flush(queue: TaskQueue) -> None:
    backend = queue.backend
    ids = [backend.queue_task("addition", a=n).result() for n in range(3)]
    assert backend.flush() == 3
    assert backend.get_tasks(ids).result() == []


def test_events_of_any_process(url: str, queue: TaskQueue) -> None:
    backend, told = queue.backend, []
    for name in ("task_queued", "task_started", "task_done"):
        backend.bind_event(name, lambda task_id, name=name: told.append((name, task_id)))  # type: ignore[misc]
    other = (
        queue
        if url == "memory://"
        else TaskQueue(name="shop", task_paths="pulsar_jobs.sums", task_backend=url)
    )
    one, revoked = (other.backend.queue_task("addition", expiry=expiry).result() for expiry in (None, 0))
    with other:
        until(lambda: len(told) >= 5, "all events")
    assert [name for name, task_id in told if task_id == one] == ["task_queued", "task_started", "task_done"]
    assert ("task_done", revoked) in told
    assert len(set(told)) == len(told)
    assert backend.channel("task_done") == "shop_task_done"
    other.close()


async def test_events_come_in_the_loop_that_bound_them(queue: TaskQueue) -> None:
    thread, told = threading.get_ident(), asyncio.Event()

    def done(task_id: str) -> None:
        assert threading.get_ident() == thread
        told.set()

    queue.backend.bind_event("task_done", done)
    async with queue:
        await queue.backend.queue_task("addition")
        await asyncio.wait_for(told.wait(), WAIT)
    queue.backend.unbind_event("task_done", done)


# -- periodic -----------------------------------------------------------------------------------------------------------


def test_periodic_jobs_run_by_themselves(url: str) -> None:
    queue = TaskQueue(
        name="shop", task_paths=["pulsar_jobs.clocks"], task_backend=url, schedule_periodic=True
    )
    with queue:
        store = queue.app.store
        found = until(lambda: store.find(Where(task="often", states=("succeeded",)), 5), "the first run")
        task = queue.backend.get_task(found[0].id).result()
        assert task.result == "tick"
        name, left = queue.backend.next_scheduled()
        assert name == "often"
        assert left is not None
        assert 0 <= left <= 0.2
        name, left = queue.backend.next_scheduled(["hourly"])
        assert left is not None
        # at 25 minutes past the hour
        assert abs((time.time() + left) % 3600 - 1500) < 2
        listed = dict(queue.backend.job_list())
        assert listed["often"]["runs_count"] >= 1
        assert (listed["often"]["run_every"], listed["hourly"]["doc"]) == (0.2, "Once an hour.")
        assert listed["often"]["next_run"] <= 0.2
    queue.close()


def test_a_queue_that_does_not_schedule_runs_no_periodic_job(queue: TaskQueue) -> None:
    with queue:
        assert ended(queue.backend, "hourly").result == "hour"
        assert queue.app.schedules.list() == {}
    assert queue.backend.next_scheduled() == (None, None)
    assert dict(queue.backend.job_list(["hourly", "nobody", "sometimes"])) == {
        "hourly": {
            "doc": "Once an hour.",
            "doc_syntax": "markdown",
            "type": "periodic",
            "can_overlap": False,
        },
        "sometimes": {"doc": None, "doc_syntax": "markdown", "type": "regular", "can_overlap": "maybe"},
    }
    assert dict(queue.backend.job_list(["addition"]))["addition"]["doc"] == "Add two numbers"
    assert len(queue.backend.job_list()) == len(queue.backend.registry)


@pytest.mark.parametrize("job", ["hourly", "choosy"])
def test_ticks_and_tasks_queued_by_hand_do_not_overlap(url: str, job: str) -> None:
    queue = TaskQueue(
        name="shop", task_paths=["pulsar_jobs.clocks"], task_backend=url, schedule_periodic=True
    )
    backend = queue.backend
    queue.app.schedules.register()
    one = backend.queue_task(job).result()
    assert one
    assert backend.queue_task(job).result() is None
    key = f"shop.{job}"
    planned = queue.app.schedules.get(key)
    assert planned is not None
    tick = planned.entry.job(key, queue.app.tasks[job], 1.0, "skip", "0" * 32, 1.0, "")
    [stored] = queue.app.store.add([tick])
    assert stored.id == one
    queue.close()


@pytest.mark.parametrize("url", ["memory", "postgresql"], indirect=True)  # in process; by hints of another
def test_a_job_decides_its_interval_itself(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pulsar_own_pace.py").write_text(
        "from datetime import datetime\nfrom longshore.compat.pulsar import tasks\n"
        "class OwnPace(tasks.PeriodicJob):\n    run_every = 3600\n"
        "    def __call__(self, consumer): return 1\n"
        "    def is_due(self, last_run_at):\n"
        "        left = 0.3 - (datetime.now() - last_run_at).total_seconds()\n"
        "        return (left <= 0, 0.3 if left <= 0 else left)\n"
    )
    queue = TaskQueue(name="shop", task_paths="pulsar_own_pace", task_backend=url, schedule_periodic=True)
    with queue:
        store = queue.app.store
        found = until(lambda: len(jobs := store.find(Where(task="ownpace"), 9)) > 2 and jobs, "three runs")
        assert isinstance(found, list)
        times = sorted(job.run_at for job in found)
        assert all(0.28 < later - sooner < 1.5 for sooner, later in itertools.pairwise(times)), times
        assert queue.backend.next_scheduled()[0] == "ownpace"
    queue.close()
    del sys.modules["pulsar_own_pace"]


def test_an_app_of_ones_own(url: str) -> None:
    app = App(url, keep=60)
    backend = TaskBackend(app, task_paths=["pulsar_jobs.sums"])
    assert (backend.name, backend.app, backend.poll_timeout) == ("tasks", app, 2)
    assert backend.queue_task("addition").result()
    assert repr(backend).startswith("task consumer")
    app.close()
