"""For the tests of a project: what was enqueued, and running it inside the test, which sees the test's transaction.

>>> with capture_jobs() as jobs:
...     client.post("/order/tea")
>>> [(job.task, job.state) for job in jobs]
[('shop.tasks.ship', 'queued')]
>>> run_jobs()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from longshore.errors import JobFailed
from longshore.integrations.django.discovery import discover
from longshore.integrations.django.project import ProjectApp, drive, project_app
from longshore.job import Job
from longshore.model import Where
from longshore.task import Task
from longshore.worker.inline import run_inline

#: Most jobs that one `run_jobs` runs: some enqueue others.
MOST = 10_000


@contextmanager
def capture_jobs(task: Task[..., Any] | str | None = None) -> Iterator[list[Job[Any]]]:
    """The jobs enqueued in the block, oldest first, of one task if it is named; filled in when the block ends.

    In a `TestCase` these are those of its transaction. Where jobs are kept elsewhere and wait for the commit in no outbox,
    put ``captureOnCommitCallbacks(execute=True)`` inside.
    """
    app = project_app()
    before = {job.id for job in _all(app)}
    found: list[Job[Any]] = []
    yield found
    name = None if task is None else _name(task)
    new = [job for job in _all(app) if job.id not in before]
    found.extend(job for job in reversed(new) if name is None or job.task == name)


def run_jobs(*, later: bool = False, failing: bool = True) -> list[Job[Any]]:
    """Run what is due, here and now in this thread, and what that enqueues; the jobs that were run, in order.

    later     also what is due later, retries too, without waiting for it
    failing   a job that ends as failed raises JobFailed, with its traceback in the message; False: the test looks itself

    Priorities are obeyed, queues and schedules are not looked at.
    """
    discover()
    app = project_app()
    ran: list[Job[Any]] = []
    while (job := _next(app, later)) is not None:
        if len(ran) >= MOST:
            raise AssertionError(
                f"run_jobs() ran {MOST:,} jobs and there are more: does {job.task} enqueue itself?"
            )
        run_inline(app, job.id, until_final=later, drive=drive)
        job.refresh()
        ran.append(job)
        if failing and job.state in ("failed", "held"):
            error = job.error
            raise JobFailed(
                f"job {job.id} ({job.task}) failed:\n{error.traceback if error else job.reason}",
                job.id,
                error.kind if error else "",
                error.traceback if error else "",
            )
    return ran


def clear_jobs() -> None:
    """Remove every job. For a `TransactionTestCase`, whose flush knows Django's tables only."""
    app = project_app()
    app.arrive()
    while jobs := app.jobs.find(limit=500):
        for job in jobs:
            job.cancel("cleared by a test")
        app.jobs.delete([job.id for job in jobs])


class JobsMixin:
    """For `TestCase` and `TransactionTestCase`: no job is left from one test to the next, and assertions on jobs."""

    def setUp(self) -> None:
        """Begin without jobs."""
        clear_jobs()
        super().setUp()  # type: ignore[misc]

    def capture_jobs(self, task: Task[..., Any] | str | None = None) -> Any:
        """See `capture_jobs`."""
        return capture_jobs(task)

    def run_jobs(self, **options: Any) -> list[Job[Any]]:
        """See `run_jobs`."""
        return run_jobs(**options)

    def assertEnqueued(self, task: Task[..., Any] | Any, *args: Any, **kwargs: Any) -> Job[Any]:
        """A job of this task waits, with these arguments where any are given; the newest such job. AssertionError."""
        found = [job for job in _all(project_app()) if job.task == _name(task) and job.state == "queued"]
        wanted = _payload(task, args, kwargs) if args or kwargs else None
        for job in found:
            if wanted is None or job.record.args == wanted:
                return job
        waiting = (
            ", ".join(sorted({job.task for job in _all(project_app()) if job.state == "queued"})) or "none"
        )
        told = f", {len(found)} with other arguments" if found else ""
        raise AssertionError(f"no job of {_name(task)} waits{told}; those that wait: {waiting}")


def _name(task: Task[..., Any] | Any) -> str:
    # Of Django's tasks, `name` is the function's only.
    return task if isinstance(task, str) else getattr(task, "module_path", None) or task.name


def _payload(task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    if isinstance(task, Task):
        return task.request(args, kwargs).payload
    return project_app().tasks[_name(task)].request(([*args], kwargs), {}).payload


def _all(app: ProjectApp) -> list[Job[Any]]:
    app.arrive()
    found: list[Job[Any]] = []
    while some := app.jobs.find(limit=500, after=found[-1].id if found else None):
        found.extend(some)
    return found


def _next(app: ProjectApp, later: bool) -> Job[Any] | None:
    """The job that a worker would take: by priority, due time, id."""
    app.arrive()
    now = None if later else app.store.now()
    due: list[Job[Any]] = []
    after = None
    while some := app.jobs.find(Where(states=("queued",), due_before=now), 500, after):
        due.extend(some)
        after = some[-1].id
    return min(due, key=lambda job: (-job.record.priority, job.record.run_at, job.id), default=None)
