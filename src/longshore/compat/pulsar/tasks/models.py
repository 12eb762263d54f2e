"""Jobs: what tasks are made of, and the registry that knows them by name."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Self

from longshore.compat.pulsar.tasks.loading import modules
from longshore.duration import seconds
from longshore.errors import TaskError

__all__ = ["Job", "JobMetaClass", "JobRegistry", "PeriodicJob", "anchorDate"]


class JobMetaClass(type):
    """Gives every job class its ``name``, ``abstract``, ``can_register`` and ``logger``. None of them is inherited."""

    def __new__(mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> JobMetaClass:
        abstract = bool(attrs.get("abstract", False))
        given = attrs.get("name", name)
        if not isinstance(given, str):
            raise TaskError(
                f'class {name}: the name of a job is text, not {given!r:.80}: write name = "{name.lower()}"'
            )
        prefix = attrs.get("log_prefix") or "pulsar"
        own = {
            "abstract": abstract,
            "can_register": not abstract,
            "name": given.lower(),
            "logger": logging.getLogger(f"{prefix}.job.{name}"),
        }
        return super().__new__(mcs, name, bases, {**attrs, **own})


class Job(metaclass=JobMetaClass):
    """Something to run. Subclass it and write ``__call__(self, consumer, ...)``: plain, ``async def``, or a generator.

    A plain one runs in a thread. Of a generator, what it yields is awaited and sent back.

    name          its name, by default that of the class, in lower case
    abstract      not to be registered: a base for other jobs
    type          ``regular`` or ``periodic``
    timeout       a task that has not started so long after it was queued expires: timedelta, seconds or None (never)
    can_overlap   False: no new task while one of this job is queued or runs. Or a function of the task's arguments that
                  says so each time
    lock_by       ``job``: one task of this job at a time; ``kwargs``: one for each set of arguments
    doc_syntax    how its docstring is written
    logger        ``pulsar.job.<class>``; ``log_prefix`` in the class replaces ``pulsar``
    max_retries, retry_delay   how often, and after how many seconds, a task that failed runs again
    """

    abstract: ClassVar[bool] = True
    can_register: ClassVar[bool]
    name: ClassVar[str]
    logger: ClassVar[logging.Logger]
    timeout: timedelta | float | None = None
    expires = None
    doc_syntax = "markdown"
    can_overlap: Any = True
    lock_by: str = "job"
    max_retries: int = 0
    retry_delay: timedelta | float = 1.0

    def __call__(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("Jobs must implement the __call__ method.")

    @property
    def type(self) -> str:
        """``regular`` or ``periodic``."""
        return "regular"

    def queue_task(
        self, consumer: Any, jobname: str, meta_params: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Queue a task of another job from within a job; a future of its id.

        ``consumer`` is what the job was called with: the new task carries its task's id as ``from_task``. See
        `TaskBackend.queue_task`.
        """
        meta = {**(meta_params or {}), "from_task": consumer.task_id}
        return consumer.backend.queue_task(jobname, meta_params=meta, **kwargs)


class PeriodicJob(Job):
    """A job that runs by itself: every ``run_every`` (timedelta or seconds).

    ``anchor``, a datetime (without a zone: local time), fixes the phase: runs are at it and whole periods from it.
    NotImplementedError: no ``run_every``, neither in the class nor given.
    """

    abstract = True
    anchor: Any = None
    run_every: timedelta | float | None = None

    def __init__(self, run_every: timedelta | float | None = None) -> None:
        self.run_every = run_every or self.run_every
        if self.run_every is None:
            raise NotImplementedError(
                f'Periodic Jobs must have a run_every attribute set, "{self.name}" does not have one. '
                f"Write it in class {type(self).__qualname__}: run_every = timedelta(hours=1)"
            )
        seconds(self.run_every, f'run_every of job "{self.name}"', positive=True)

    @property
    def type(self) -> str:
        return "periodic"

    def is_due(self, last_run_at: datetime | None) -> tuple[bool, float]:
        """(whether to run now, seconds until the next run). Override it to decide the interval at run time.

        ``last_run_at`` without a zone is local time; None: it never ran. An override is asked at every look, a few times a
        second at most, by every worker that schedules, instead of ``run_every`` and ``anchor``.
        """
        assert self.run_every is not None
        period = seconds(self.run_every, "run_every")
        if last_run_at is None:
            return True, period
        now, last = time.time(), last_run_at.timestamp()
        if self.anchor is None:
            left = last + period - now
            return (True, period) if left <= 0 else (False, left)
        phase = self.anchor.timestamp()
        left = period - (now - phase) % period
        return (now + left - period > last), left


class JobRegistry(dict[str, Job]):
    """Jobs by name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: those made here of their class: an instance of the user's own takes their place
        self._made: set[str] = set()

    def regular(self) -> Iterator[tuple[str, Job]]:
        """(name, job) of all regular jobs."""
        return self.filter_types("regular")

    def periodic(self) -> Iterator[tuple[str, Job]]:
        """(name, job) of all periodic jobs."""
        return self.filter_types("periodic")

    def filter_types(self, type: str) -> Iterator[tuple[str, Job]]:
        """(name, job) of all jobs of a type."""
        return ((name, job) for name, job in self.items() if job.type == type)

    def register(self, job: Any) -> None:
        """Take a job class, of which an instance is made, or an instance. What is neither, or abstract, is left out.

        The same one again changes nothing. TaskError: another job has the name.
        """
        cls = job if isinstance(job, type) else type(job)
        if not (isinstance(cls, JobMetaClass) and issubclass(cls, Job) and cls.can_register):
            return
        name, there = cls.name, self.get(cls.name)
        if there is job or (there is not None and type(there) is job):
            return
        if there is not None and not (type(there) is cls and name in self._made):
            raise TaskError(
                f'two jobs are called "{name}": {_place(type(there))} and {_place(cls)}. '
                'Give one of them another name: name = "..." in its class'
            )
        if isinstance(job, type):
            self[name] = cls()
            self._made.add(name)
        else:
            self[name] = job
            self._made.discard(name)

    @classmethod
    def load(cls, paths: str | Iterable[str]) -> Self:
        """The jobs of modules: ``"shop.jobs"``, or ``"shop.jobs.*"`` for all modules of a package.

        ConfigError: a path leads nowhere. TaskError: two jobs of one name. NotImplementedError: a periodic job without
        ``run_every``.
        """
        self = cls()
        for module in modules(paths):
            found = [value for name, value in sorted(vars(module).items()) if name[:2] != "__"]
            # Instances first: their classes may need arguments to be made.
            for value in sorted(found, key=lambda value: isinstance(value, type)):
                self.register(value)
        return self


def anchorDate(hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """Today at this local time, as an anchor."""
    today = date.today()  # noqa: DTZ011
    return datetime(today.year, today.month, today.day, hour, minute, second)  # noqa: DTZ001


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
