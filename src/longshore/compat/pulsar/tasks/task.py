"""A task, as it was last seen, and what a running job is told of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from longshore.compat.pulsar.tasks import states
from longshore.compat.pulsar.tasks.models import Job
from longshore.model import JobRecord, failures

#: which header holds the parent's id, and which what else was given as ``meta_params``
PARENT = "parent"
META = "meta"


class Task:
    """One task. Also read as a mapping: ``task["id"]``, ``task.get("status")``. Times in seconds since the epoch.

    result      what the job returned; of a task that failed the error's text
    stacktrace  of a task that failed
    lock_id     the key under which no second task may be queued; None: no limit
    expiry      not started after this time: REVOKED
    worker      who runs it, or ran it
    from_task   the id of the task whose job queued it
    meta        what else was given as ``meta_params``; its entries are attributes too
    """

    def __init__(self, record: JobRecord, kwargs: Mapping[str, Any], result: Any) -> None:
        headers = {} if record.headers is None else msgspec.msgpack.decode(record.headers)
        self.id = record.id
        self.name = record.task
        self.lock_id = record.unique
        self.time_queued = record.created_at
        self.time_started = record.started_at
        self.time_ended = record.finished_at
        self.expiry = record.expires_at
        self.status = states.status_of(record)
        self.kwargs = dict(kwargs)
        self.worker = record.worker
        self.from_task: str | None = headers.get(PARENT)
        self.meta: dict[str, Any] = json.loads(headers[META]) if META in headers else {}
        self.stacktrace: str | None = None
        self.result = result
        if self.status == states.FAILURE:
            errors = failures(record.errors)
            self.result = errors[-1].message if errors and record.state == "failed" else record.reason
            self.stacktrace = errors[-1].traceback if errors else None
        elif self.status == states.REVOKED:
            self.result = record.reason

    def __repr__(self) -> str:
        return f"<Task {self.info()} {self.status_string()}>"

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["meta"][name]
        except KeyError:
            raise AttributeError(f"a task has no {name!r}, and none was given in meta_params") from None

    def __getitem__(self, name: str) -> Any:
        return self.to_json()[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of this name, or the default."""
        return self.to_json().get(name, default)

    def done(self) -> bool:
        """Whether it ended: succeeded, failed or revoked."""
        return self.status in states.READY_STATES

    def status_string(self) -> str:
        """Its state by name."""
        return states.status_string(self.status)

    def info(self) -> str:
        """It in a few words."""
        return f"task.{self.name}({self.id})"

    def to_json(self) -> dict[str, Any]:
        """All of it as a dict."""
        own = {name: value for name, value in vars(self).items() if name != "meta"}
        return {**self.meta, **own}


class TaskConsumer:
    """What a job is called with: the task it runs for, and the way to queue others.

    backend   the `TaskBackend`
    worker    the name of the worker that runs the task
    task_id   the task's id
    job       the `Job`
    logger    the job's
    """

    def __init__(self, backend: Any, worker: str | None, task_id: str, job: Job) -> None:
        self.backend = backend
        self.worker = worker
        self.task_id = task_id
        self.job = job
        self.logger: logging.Logger = job.logger

    def __repr__(self) -> str:
        return f"<TaskConsumer of {self.job.name} {self.task_id}>"


def nice_task_message(req: Mapping[str, Any], smart_time: Any = None) -> str:
    """One line about a task, of what `Task.to_json` gives. ``smart_time`` writes a time; ISO otherwise."""
    when = req.get("time_started") or req.get("time_queued")
    told = (smart_time or _iso)(when)
    text = f"{req['name']} ({req['id'][:8]}) {states.status_string(req.get('status'))} at {told}"
    return f"{text} by {req['user']}" if req.get("user") else text


def _iso(when: float | None) -> str:
    return "?" if when is None else datetime.fromtimestamp(when).astimezone().isoformat(timespec="seconds")
