"""The options of a task, and what one call may change of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from longshore.duration import optional_seconds, seconds
from longshore.errors import ArgumentError, LongshoreError, TaskError
from longshore.model import PRIORITY_MAX, PRIORITY_MIN, UniqueMode
from longshore.names import check_key, check_name
from longshore.retry import Retry
from longshore.suggest import did_you_mean

Executor = Literal["thread", "process"]
Unique = str | int | bool | Callable[..., Any] | None

DEFAULT_QUEUE: Final = "default"
#: Seconds a finished job stays readable unless the task or the call says otherwise: 7 days.
DEFAULT_KEEP: Final = 7 * 86400.0
_MODES: Final = ("existing", "reject", "replace")


class Options(msgspec.Struct, frozen=True):
    """How the jobs of a task are run. All durations in seconds.

    queue         where its jobs wait
    priority      -100 to 100; higher first
    retry         when a failed run is repeated; None: never
    timeout       a run may take this long; None: any time
    expires       a job not begun this long after enqueue is cancelled; None: never
    unique        one job per key at a time. A text or number is the key; a function makes it from the call's arguments;
                  True: the arguments are the key; None: no limit
    unique_mode   what a second job does: "existing" gives the first one's handle, "reject" raises UniqueConflict,
                  "replace" changes the first one's arguments while it waits
    keep          a finished job stays readable this long; None: for ever
    executor      "process": in a process of its own, killed at timeout; "thread" or None: a sync function in a thread, a
                  coroutine in the event loop
    """

    queue: str = DEFAULT_QUEUE
    priority: int = 0
    retry: Retry | None = None
    timeout: float | None = None
    expires: float | None = None
    unique: Unique = None
    unique_mode: UniqueMode = "existing"
    keep: float | None = DEFAULT_KEEP
    executor: Executor | None = None


class Overrides(msgspec.Struct, frozen=True):
    """What one call says differently; UNSET where it says nothing. ``eta`` is in seconds since the epoch."""

    delay: float | UnsetType = UNSET
    eta: float | UnsetType = UNSET
    queue: str | UnsetType = UNSET
    priority: int | UnsetType = UNSET
    unique: Unique | UnsetType = UNSET
    unique_mode: UniqueMode | UnsetType = UNSET
    expires: float | UnsetType | None = UNSET
    keep: float | UnsetType | None = UNSET
    headers: Mapping[str, str] | UnsetType = UNSET
    connection: Any = None


NO_OVERRIDES: Final = Overrides()
OPTION_NAMES: Final = Options.__struct_fields__
OVERRIDE_NAMES: Final = Overrides.__struct_fields__


def options(given: Mapping[str, Any], base: Options) -> Options:
    """Options from what a user wrote, on top of ``base``. TaskError: a value that cannot work."""
    return msgspec.structs.replace(
        base, **{name: _CHECKS[name](value, TaskError) for name, value in given.items()}
    )


def overrides(given: Mapping[str, Any], base: Overrides) -> Overrides:
    """Overrides from what a user wrote, on top of ``base``. ArgumentError: an unknown one, or a value that cannot work."""
    for name in given:
        if name not in OVERRIDE_NAMES:
            raise ArgumentError(f'using() has no option "{name}"{did_you_mean(name, OVERRIDE_NAMES)}')
    checked = {name: _CHECKS[name](value, ArgumentError) for name, value in given.items()}
    if "delay" in checked and "eta" in checked:
        raise ArgumentError("using() takes a delay or an eta, not both")
    if "delay" in checked:
        checked["eta"] = UNSET
    elif "eta" in checked:
        checked["delay"] = UNSET
    return msgspec.structs.replace(base, **checked)


Check = Callable[[Any, type[LongshoreError]], Any]


def _priority(value: Any, error: type[LongshoreError]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not PRIORITY_MIN <= value <= PRIORITY_MAX:
        raise error(
            f"priority must be a whole number from {PRIORITY_MIN} to {PRIORITY_MAX}, not {value!r:.80}"
        )
    return value


def _retry(value: Any, error: type[LongshoreError]) -> Retry | None:
    return Retry.of(value)


def _unique(value: Any, error: type[LongshoreError]) -> Any:
    if value is None or value is False:
        return None
    if isinstance(value, bool) or callable(value):
        return value
    try:
        return check_key(value)
    except ArgumentError as misfit:
        raise error(str(misfit)) from None


def _one_of(what: str, *values: str | None) -> Check:
    def check(value: Any, error: type[LongshoreError]) -> Any:
        if value not in values:
            raise error(f"{what} must be one of {', '.join(map(repr, values))}, not {value!r:.80}")
        return value

    return check


def _seconds(what: str) -> Check:
    return lambda value, error: seconds(value, what, error=error)


def _optional(what: str, *, positive: bool = False) -> Check:
    return lambda value, error: optional_seconds(value, what, positive=positive, error=error)


def _eta(value: Any, error: type[LongshoreError]) -> float:
    if not isinstance(value, datetime):
        raise error(
            f"eta must be a datetime with a time zone, not {value!r:.80}; for seconds from now use delay="
        )
    if value.utcoffset() is None:
        raise error(
            f"eta {value.isoformat()} has no time zone. Say which: eta.replace(tzinfo=datetime.UTC), say"
        )
    return (value - _EPOCH) / timedelta(seconds=1)


def _headers(value: Any, error: type[LongshoreError]) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(text, str) for pair in value.items() for text in pair
    ):
        raise error("headers must be a dict of text to text")
    try:
        msgspec.msgpack.encode(dict(value))
    except UnicodeEncodeError:
        raise error("headers cannot hold lone surrogates") from None
    return dict(value)


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_CHECKS: Final[dict[str, Check]] = {
    "queue": lambda value, error: check_name(value, "queue", error),
    "priority": _priority,
    "retry": _retry,
    "timeout": _optional("timeout", positive=True),
    "expires": _optional("expires", positive=True),
    "unique": _unique,
    "unique_mode": _one_of("unique_mode", *_MODES),
    "keep": _optional("keep"),
    "executor": _one_of("executor", "thread", "process", None),
    "delay": _seconds("delay"),
    "eta": _eta,
    "headers": _headers,
    "connection": lambda value, error: value,
}
