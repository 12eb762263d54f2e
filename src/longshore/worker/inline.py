"""One job run here and now, without a worker: eager mode and ``app.run(job)``."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from msgspec.structs import replace

from longshore import model
from longshore.errors import JobNotFound, LongshoreError
from longshore.model import Change, JobRecord
from longshore.outcome import Held, Outcome, change
from longshore.worker.execute import Execution
from longshore.worker.host import Host
from longshore.worker.run import Run

LEASE = 3600.0


#: Runs a coroutine to its end in this thread.
Drive = Callable[[Coroutine[Any, Any, Outcome]], Outcome]


def run_inline(app: Host, job_id: str, until_final: bool, drive: Drive | None = None) -> None:
    """Run the queued job; with ``until_final``, again for as long as it is to be retried, without waiting.

    ``drive`` runs its coroutine, where it is one; else an event loop of its own does.
    """
    while True:
        run = _take(app, job_id)
        if run.task.kind == "async":
            outcome = (drive or _run_coroutine)(_execution(app).arun(run))
        else:
            outcome = _execution(app).run(run)
        if not _settle(app, run, outcome, until_final):
            return


async def arun_inline(app: Host, job_id: str, until_final: bool) -> None:
    """As `run_inline`, for coroutines."""
    while True:
        run = _take(app, job_id)
        if run.task.kind == "async":
            # A task of its own, so that what the job sets in contextvars stays with it, as in a worker.
            outcome = await asyncio.ensure_future(_execution(app).arun(run))
        else:
            outcome = await asyncio.to_thread(_execution(app).run, run)
        if not _settle(app, run, outcome, until_final):
            return


def _execution(app: Host) -> Execution:
    return Execution(app.middleware, app.store.now, app.max_result)


def _take(app: Host, job_id: str) -> Run:
    job = app.store.get([job_id]).get(job_id)
    if job is None:
        raise JobNotFound(f"no job {job_id}: it never existed in this store, or retention removed it", job_id)
    task = app.tasks.get(job.task)
    if task is None:
        raise LongshoreError(f'job {job_id} is of task "{job.task}", which this app does not know')
    worker, now = f"inline:{os.getpid()}", app.store.now()
    taken = model.taken(job, worker, now, LEASE)
    if job.state != "queued" or not app.store.apply([taken]):
        raise LongshoreError(f"job {job_id} is {job.state}; only a queued job can be run")
    return Run(replace(job, **taken.values), task)


def _run_coroutine(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    # The caller's thread has a running loop, which cannot run this one too.
    outcome: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcome.append(asyncio.run(coroutine)))
    thread.start()
    thread.join()
    return outcome[0]


def _settle(app: Host, run: Run, outcome: Outcome, until_final: bool) -> bool:
    """Write it down; whether there is another run to make at once."""
    job: JobRecord = run.job
    settled: Change = change(job, outcome, app.store.now(), app.max_crashes)
    if run.context.said is not None:
        settled = replace(
            settled, values={**settled.values, "progress": msgspec.json.encode(run.context.said)}
        )
    again = until_final and settled.values["state"] == "queued"
    if again and job.attempt >= 100:
        settled = change(job, Held("eager mode gave up after 100 runs"), app.store.now(), app.max_crashes)
        again = False
    app.store.apply([settled])
    values: dict[str, Any] = dict(settled.values)
    app.store.publish([f"queue:{job.queue}" if values["state"] == "queued" else f"job:{job.id}"])
    return again
