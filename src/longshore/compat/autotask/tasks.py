"""The three decorators.

They belong in a module that the worker imports too: ``tasks.py`` of an installed app, or what models and the URLconf import.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from longshore import Retry, every
from longshore.compat.autotask.conf import retry_delay
from longshore.compat.autotask.crontab import Numbers, Order, schedule_of
from longshore.compat.autotask.delayed import DelayedFunction, DelayedTask
from longshore.compat.autotask.task import DONE, ERROR, RUNNING, WAITING
from longshore.duration import seconds as duration
from longshore.errors import TaskError
from longshore.integrations.django import app
from longshore.schedules import Schedule
from longshore.task import Task

__all__ = (
    "DONE",
    "ERROR",
    "RUNNING",
    "WAITING",
    "DelayedTask",
    "cron_task",
    "delayed_task",
    "periodic_task",
)

F = TypeVar("F", bound=Callable[..., Any])

#: Runs of periodic functions stay readable for a day.
KEEP: Final = timedelta(days=1)


def delayed_task(
    delay: float = 0, retries: int = 0, ttl: float = 300
) -> Callable[[Callable[..., Any]], DelayedFunction]:
    """A call of the function returns at once with a `DelayedTask`; a worker runs it later.

    delay     seconds to wait at least before it runs
    retries   further runs after a failed one, AUTOTASK_RETRY_DELAY seconds (2) apart
    ttl       seconds that the result stays readable after the run, at least

    TaskError: a value that cannot work.
    """
    _refuse_bare(delay, "delayed_task")
    wait = duration(delay, "delayed_task: delay", error=TaskError)
    keep = duration(ttl, "delayed_task: ttl", error=TaskError)
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise TaskError(f"delayed_task: retries must be a whole number, 0 or more, not {retries!r:.80}")
    retry = Retry(retries, backoff="constant", delay=retry_delay(), jitter=False) if retries else None

    def decorate(function: Callable[..., Any]) -> DelayedFunction:
        return DelayedFunction(app.task(retry=retry, keep=keep)(function), function, wait)

    return decorate


def periodic_task(
    seconds: float = 3600, start_now: bool = False
) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    """The function runs again and again while a worker lives, one run at a time, also after a run that fails.

    seconds     from one run to the next
    start_now   True: the first run as soon as possible; False: after so many seconds

    ConfigError: no duration, or one under 0.1 s.
    """
    _refuse_bare(seconds, "periodic_task")
    return _periodic(every(seconds, start_now=start_now))


def cron_task(
    minutes: Numbers = None,
    hours: Numbers = None,
    dow: Numbers = None,
    months: Numbers = None,
    dom: Numbers = None,
    crontab: str | None = None,
    *,
    order: Order = "autotask",
) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    """The function runs at times of the clock of TIME_ZONE, one run at a time.

    minutes, hours, months   lists of numbers; None or empty: every one
    dow                      days of the week, 0 is Monday
    dom                      days of the month; with ``dow`` as well, the days of either
    crontab                  all five in one text, instead of the others: ``minutes hours dow months dom``, Monday is 0, with
                             ``*``, ranges and lists
    order                    "cron": the text is one as cron reads it, ``minute hour dom month dow``, 0 and 7 are Sunday

    ConfigError: names the field and value that cannot be, or a date that never comes.
    """
    _refuse_bare(minutes, "cron_task")
    return _periodic(schedule_of(minutes, hours, dow, months, dom, crontab, order))


def _periodic(schedule: Schedule) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    # One run at a time, and of the times missed meanwhile one: autotask planned the next run when the last had ended.
    return app.periodic(schedule, overlap="queue", catch_up="latest", keep=KEEP)


def _refuse_bare(first: object, name: str) -> None:
    if callable(first):
        raise TaskError(f"@{name} takes parentheses, also without arguments: @{name}()")
