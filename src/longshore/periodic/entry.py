"""A schedule as it is stored: the rule, what it runs, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, cast, get_args

import msgspec
from msgspec.structs import replace

from longshore.errors import ConfigError
from longshore.model import JobRecord
from longshore.names import check_name
from longshore.schedules import Schedule, dump, load
from longshore.task import Options, Request, Task
from longshore.ticks import Bound, CatchUp, Overlap

OverlapRule = Overlap | bool | Callable[..., object]

#: kinds of documents: the schedules; those paused (or resumed: since when); how far each is
ENTRY: Final = "schedule"
PAUSE: Final = "schedule.pause"
CURSOR: Final = "schedule.cursor"
#: Shorter than this no job of a tick is kept: while it is there, the tick cannot be added again. Seconds.
KEEP_LEAST: Final = 600.0
#: What a schedule may say about its jobs other than their task does.
OPTIONS: Final = ("queue", "priority", "expires", "keep", "headers")


class Entry(msgspec.Struct, frozen=True):
    """One schedule. Durations and times in seconds.

    task       the name of the task it runs
    rule       see `schedules.dump`; None: it holds a function and is known only to the code that declares it
    text       the rule for people
    payload    the encoded arguments
    unique     the task's own unique key for them
    options    `OPTIONS` that differ from the task's
    most, oldest   the bound of ``catch_up``
    overlap    "code": a function decides, in the code that declares it
    declared   in code, rather than put at run time
    since      when this rule was first seen, on the store's clock
    """

    task: str
    rule: dict[str, Any] | None
    text: str
    payload: bytes
    unique: str | None = None
    unique_mode: Literal["existing", "reject", "replace"] | None = None
    options: dict[str, Any] = {}
    catch_up: CatchUp = "latest"
    most: int | None = None
    oldest: float | None = None
    overlap: Overlap | Literal["code"] = "allow"
    declared: bool = False
    since: float = 0.0

    @property
    def bound(self) -> Bound:
        return self.most if self.oldest is None else timedelta(seconds=self.oldest)

    def schedule(self) -> Schedule | None:
        """The rule; None: it is known only to code. ConfigError: it cannot be read."""
        return None if self.rule is None else load(self.rule)

    def to_doc(self) -> dict[str, Any]:
        """As JSON."""
        doc: dict[str, Any] = msgspec.to_builtins(self)
        return doc

    def succeeding(self, before: Entry | None, now: float) -> Entry:
        """The entry to store in place of ``before``. The same rule goes on where it was; another one begins now."""
        same = before is not None and (before.rule, before.text) == (self.rule, self.text)
        return replace(self, since=before.since if before is not None and same else now)

    def request(self, key: str, task: Task[..., Any], tick: str | None, overlap: Overlap) -> Request:
        """What a tick (or a trigger by hand) asks for."""
        own: Options = task.options
        chosen = {
            name: getattr(own, name) for name in ("queue", "priority", "expires", "keep")
        } | self.options
        headers = {**(chosen.pop("headers", None) or {}), "schedule": key}
        if tick is not None:
            headers["tick"] = tick
        keep = chosen.pop("keep")
        unique, mode = self.unique, self.unique_mode
        if unique is None and overlap != "allow":
            unique, mode = f"schedule:{key}", "existing"
        request = Request(
            task,
            self.payload,
            unique=unique,
            unique_mode=mode,
            keep=None if keep is None else max(keep, KEEP_LEAST),
            headers=headers,
            **chosen,
        )
        for layer in task.door.middleware:
            request = layer.enqueueing(request)
        return request

    def job(
        self,
        key: str,
        task: Task[..., Any],
        tick: float,
        overlap: Overlap,
        job_id: str,
        now: float,
        text: str,
    ) -> JobRecord:
        """The job of a tick."""
        record = self.request(key, task, text, overlap).record(job_id, now)
        return replace(record, run_at=min(tick, now))


def entry(
    request: Request,
    schedule: Schedule,
    *,
    options: Mapping[str, Any],
    catch_up: CatchUp,
    bound: Bound,
    overlap: OverlapRule,
    declared: bool,
) -> Entry:
    """What a user wrote, checked. ConfigError: a value that cannot work, or a function in a schedule put at run time."""
    if catch_up not in ("none", "latest", "all"):
        raise ConfigError(f'catch_up must be "none", "latest" or "all", not {catch_up!r:.80}')
    try:
        rule = dump(schedule)
    except ConfigError:
        if not declared:
            raise
        rule = None
    most, oldest = _bound(bound)
    return Entry(
        request.task.name,
        rule,
        str(schedule),
        request.payload,
        request.unique,
        request.unique_mode,
        dict(options),
        catch_up,
        most,
        oldest,
        _overlap(overlap, declared),
        declared,
    )


def check_key(key: object) -> str:
    """The name of a schedule. ConfigError: it cannot be one."""
    return check_name(key, "a schedule's name", ConfigError)


def overlap_of(answer: object) -> Overlap:
    """An overlap flag as a word: True: allow, False: skip. ConfigError: it is none."""
    if answer is True or answer is False:
        return "allow" if answer else "skip"
    for word in get_args(Overlap):
        if answer == word:
            return cast("Overlap", word)
    raise ConfigError(
        f'overlap must be "allow", "skip" or "queue" (or True: allow, False: skip), not {answer!r:.80}'
    )


def _overlap(rule: OverlapRule, declared: bool) -> Overlap | Literal["code"]:
    if not callable(rule):
        return overlap_of(rule)
    if declared:
        return "code"
    raise ConfigError(
        'overlap is a function, which cannot be stored: say "allow", "skip" or "queue", or declare the schedule in code'
    )


def _bound(bound: Bound) -> tuple[int | None, float | None]:
    if bound is None:
        return None, None
    if isinstance(bound, timedelta) and bound > timedelta(0):
        return None, bound.total_seconds()
    if isinstance(bound, int) and not isinstance(bound, bool) and bound > 0:
        return bound, None
    raise ConfigError(
        f"bound must be a number of ticks (at least 1) or a timedelta (their age), not {bound!r:.80}"
    )
