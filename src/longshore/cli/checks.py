"""What ``longshore doctor`` looks at. Each check gives findings, and leaves everything as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from longshore.cli import checks_postgres, checks_redis, overview
from longshore.cli.finding import Finding, failure
from longshore.cli.output import count_of
from longshore.cli.times import span
from longshore.errors import SchemaError
from longshore.model import Where
from longshore.stores.upkeep import Guarded

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.stores.base import Store

#: SQLite before this can, very rarely, damage a database when a checkpoint meets the reset of its write-ahead log
_WAL_RESET_MENDED: Final = (3, 51, 3)
#: …or one of these older releases, to which the repair was brought back
_ALSO_MENDED: Final = ((3, 50, 7), (3, 44, 6))
_BIG_WAL: Final = 256 * 1024 * 1024
_MANY: Final = 500
#: seconds a job may wait in the outbox
_LATE: Final = 10.0


def store_checks(app: App) -> Iterator[Finding]:
    """The store answers, and what it is."""
    store = app.store
    if isinstance(store, Guarded):
        try:
            store.check_worker()
        except SchemaError as error:
            yield failure("rights", error)
            return
    began = time.perf_counter()
    store.put("doctor", str(os.getpid()), {"at": store.now()}, expires=60)
    store.list("doctor")
    store.drop("doctor", str(os.getpid()))
    trip = span(time.perf_counter() - began)
    if app.url.startswith("sqlite:"):
        yield from _sqlite(app.url, trip)
    elif app.url.startswith("postgres"):
        yield from checks_postgres.look(app, trip)
    else:
        yield from checks_redis.look(app, trip)


def outbox_checks(app: App) -> Iterator[Finding]:
    """What waits in the outbox, and whether it is moved."""
    if app.outbox is None:
        return
    waiting = app.outbox.backlog()
    text = f"{app.outbox.url}, {count_of(waiting.jobs, 'job')} to be moved, the oldest for {span(waiting.oldest)}"
    if waiting.oldest < _LATE:
        yield Finding("ok", "outbox", text)
    else:
        yield Finding(
            "warn", "outbox", text, "start a worker of this app, or look into the log of those that run"
        )


def _sqlite(url: str, trip: str) -> Iterator[Finding]:
    import sqlite3

    from longshore.stores.sqlite.location import parse
    from longshore.stores.sqlite.schema import VERSION

    place = parse(url)
    size, wal = _size(place.path), _size(place.path + "-wal")
    yield Finding(
        "ok",
        "store",
        f"{url}, schema {VERSION}, {size / 1e6:.1f} MB + WAL {wal / 1e6:.1f} MB, "
        f"synchronous={place.synchronous}, write and read {trip}",
    )
    if wal > _BIG_WAL:
        yield Finding(
            "warn", "store", f"the write-ahead log has grown to {wal / 1e6:.0f} MB: something reads for very long",
            "end the long-running reader (a backup, a database browser), then the log shrinks by itself",
        )  # fmt: skip
    if place.synchronous == "normal":
        yield Finding("warn", "store", "synchronous=normal: the last jobs may be lost when the power fails",
                      "leave the option out of the URL, if that matters")  # fmt: skip
    version = sqlite3.sqlite_version_info
    if version < _WAL_RESET_MENDED and version not in _ALSO_MENDED:
        yield Finding(
            "warn", "sqlite", f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug (mended in 3.51.3): "
            "very rarely, two processes that write at one instant can damage the file",
            "use a Python built with SQLite 3.51.3 or later, and keep backups",
        )  # fmt: skip
    else:
        yield Finding("ok", "sqlite", f"SQLite {sqlite3.sqlite_version}")


def _size(path: str) -> int:
    # Asked of the file system: opening and closing the file would drop SQLite's locks on it.
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def app_checks(app: App, spec: str) -> Iterator[Finding]:
    """The app has tasks."""
    tasks = sorted(app.tasks)
    if tasks:
        listed = ", ".join(tasks[:6]) + (" …" if len(tasks) > 6 else "")
        yield Finding("ok", "app", f"{spec}, {count_of(len(tasks), 'task')}: {listed}")
    else:
        yield Finding("warn", "app", f"{spec} knows no task", "put @app.task above a function in that module")


def schedule_checks(app: App) -> Iterator[Finding]:
    """Every schedule in the store runs a task that this app knows."""
    found = app.schedules.list()
    good = True
    for key, planned in found.items():
        if planned.problem:
            good = False
            fix = f"longshore schedules remove {key}"
            if planned.task not in app.tasks:
                fix = f"import the module of {planned.task} beside the app; or: {fix}"
            yield Finding("warn", "schedule", f'schedule "{key}" runs nothing here: {planned.problem}', fix)
        elif planned.paused is not None:
            good = False
            yield Finding("warn", "schedule", f'schedule "{key}" is paused, since {span(app.store.now() - planned.paused)}',
                          f"longshore schedules resume {key}")  # fmt: skip
    if found and good:
        yield Finding("ok", "schedule", f"{count_of(len(found), 'schedule')}, none paused")


def queue_checks(app: App, spec: str) -> Iterator[Finding]:
    """Waiting jobs have a live worker; nothing is paused and forgotten."""
    store = app.store
    now, found = store.now(), overview.workers(store)
    live = [doc for doc in found if not doc["silent"]]
    good = True
    for queue in overview.queues(store):
        if not queue.ready:
            continue
        good = False
        waits = f"{queue.ready:,} waiting (oldest {span(now - (queue.oldest_due or now))})"
        if queue.paused:
            yield Finding("warn", "queues", f'queue "{queue.name}" is paused and has {waits}',
                          f"longshore queues resume {queue.name}")  # fmt: skip
        elif not any(doc.get("queues") is None or queue.name in doc["queues"] for doc in live):
            yield Finding("FAIL", "workers", f'queue "{queue.name}" has {waits} and no live worker',
                          f"{app.starts.replace('MODULE:APP', spec or 'MODULE:APP')} -q {queue.name}")  # fmt: skip
        else:
            yield Finding("ok", "queues", f'queue "{queue.name}" has {waits}; a live worker serves it')
    if good:
        yield Finding("ok", "queues", "nothing waits")
    for doc in found:
        if doc["stalled"] is not None:
            yield Finding("warn", "workers", f"worker {doc['name']} is stalled: {doc['stalled']['why']}",
                          f"look at its process: pid {doc.get('pid')} on {doc.get('host')}")  # fmt: skip
    if live:
        yield Finding(
            "ok", "workers", f"{count_of(len(live), 'live worker')}: {', '.join(d['name'] for d in live[:4])}"
        )


def job_checks(app: App) -> Iterator[Finding]:
    """Held and blocked jobs, and leases of workers that are gone."""
    store = app.store
    held = store.find(Where(states=("held",)), _MANY)
    if held:
        yield Finding("warn", "jobs", f"{_about(held)} held for a person; the newest: {held[0].reason}",
                      "longshore jobs list --state held; then: longshore jobs retry --state held")  # fmt: skip
    from longshore.shown import is_blocked

    blocked = [job for job in store.find(Where(blocked=True), _MANY) if is_blocked(job)]
    if blocked:
        tasks = sorted({job.task for job in blocked})
        yield Finding("FAIL", "jobs", f"{_about(blocked)} blocked: no worker knows the task {', '.join(tasks[:3])}",
                      f"import the module of {tasks[0]} beside the worker's app, and start the worker again")  # fmt: skip
    yield from _abandoned(store)
    if not held and not blocked:
        yield Finding("ok", "jobs", "none held, none blocked")


def _about(jobs: list[Any]) -> str:
    return f"{len(jobs)}{'+' if len(jobs) == _MANY else ''} {'job is' if len(jobs) == 1 else 'jobs are'}"


def _abandoned(store: Store) -> Iterator[Finding]:
    live = {doc["name"] for doc in overview.live(store)}
    lost: dict[str, int] = {}
    for job in store.find(Where(states=("running",)), _MANY):
        if job.worker and job.worker not in live:
            lost[job.worker] = lost.get(job.worker, 0) + 1
    for worker, number in lost.items():
        yield Finding("warn", "workers", f"worker {worker} is gone and held {count_of(number, 'job')}",
                      "any live worker gives them back once their leases are over; start one")  # fmt: skip
