"""Whether, and when, a failed job runs again. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from longshore.duration import optional_seconds, seconds
from longshore.errors import ConfigError, RetryLater

Backoff = Literal["exponential", "linear", "constant"]
ErrorTypes = type[BaseException] | tuple[type[BaseException], ...]

DEFAULT_LIMIT: Final = 3
DEFAULT_JITTER: Final = 0.5


@dataclass(frozen=True)
class Retry:
    """Run a failed job again.

    ``limit`` is the number of runs after the first one. Without it, 3; with only ``within``, any number.
    ``backoff`` says how the wait grows from ``delay``: "exponential" (1, 2, 4, 8 times), "linear" (1, 2, 3, 4 times),
    "constant", or a function from the number of failures so far (1, 2, ...) to seconds or a timedelta. A function that
    raises, or gives anything else, counts as ``delay``: it cannot lose the job.
    ``delay`` is the first wait and ``max_delay`` the longest, in seconds or as timedelta.
    ``jitter`` shortens each wait by a random part of it: 0.5 (the default, also for True) waits between half and the
    whole, 1 between nothing and the whole, 0 or False exactly.
    ``on`` are the exception types to retry, ``give_up_on`` those to fail at once for; of an exception group, what is in it
    counts. ``give_up_on`` wins.
    ``within`` (seconds or timedelta): no run begins later than this after the job was created.

    ConfigError: a value that cannot work.
    """

    limit: int | None = None
    backoff: Backoff | Callable[[int], float | timedelta] = "exponential"
    delay: float | timedelta = 1.0
    max_delay: float | timedelta = 3600.0
    jitter: bool | float = DEFAULT_JITTER
    on: ErrorTypes = Exception
    give_up_on: ErrorTypes = ()
    within: float | timedelta | None = None

    def __post_init__(self) -> None:
        values: dict[str, Any] = {
            "limit": _limit(self.limit, self.within),
            "delay": seconds(self.delay, "Retry(delay=...)"),
            "max_delay": seconds(self.max_delay, "Retry(max_delay=...)"),
            "jitter": _jitter(self.jitter),
            "on": _types(self.on, "on"),
            "give_up_on": _types(self.give_up_on, "give_up_on"),
            "within": optional_seconds(self.within, "Retry(within=...)", positive=True),
        }
        if not callable(self.backoff) and self.backoff not in ("exponential", "linear", "constant"):
            raise ConfigError(
                f'Retry(backoff=...) must be "exponential", "linear", "constant" or a function, not {self.backoff!r:.80}'
            )
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, value: Retry | int | None) -> Retry | None:
        """What the option ``retry=`` means: ``5`` is ``Retry(5)``; 0 and None are no retry."""
        if value is None or isinstance(value, Retry):
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(f"retry must be a number of retries or Retry(...), not {value!r:.80}")
        return cls(value) if value else None

    def decide(
        self, error: BaseException, failures: int, since_created: float, random: float
    ) -> float | None:
        """Seconds until the next run, or None to give up.

        ``error`` is what the run ended with and ``failures`` how many runs failed before it; ``since_created`` are
        seconds since the job was created; ``random`` is in [0, 1).
        """
        if self.limit is not None and failures >= self.limit:
            return None
        if isinstance(error, RetryLater):
            wait = max(0.0, error.delay)
        elif self._wanted(error):
            wait = self._wait(failures) * (1.0 - self.jitter * random)
        else:
            return None
        if self.within is not None and since_created + wait > _number(self.within):
            return None
        return wait

    def _wanted(self, error: BaseException) -> bool:
        leaves = list(_leaves(error))
        if any(isinstance(leaf, self.give_up_on) for leaf in leaves):
            return False
        return any(isinstance(leaf, self.on) for leaf in leaves)

    def _wait(self, failures: int) -> float:
        delay = _number(self.delay)
        longest = _number(self.max_delay)
        if callable(self.backoff):
            try:
                delay = seconds(self.backoff(failures + 1), "backoff")
            except Exception:
                return min(delay, longest)
        elif self.backoff == "exponential":
            delay *= 2.0 ** min(failures, 60)
        elif self.backoff == "linear":
            delay *= failures + 1
        return min(delay, longest)


def _number(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _leaves(error: BaseException) -> Iterable[BaseException]:
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)


def _limit(limit: object, within: object) -> int | None:
    if limit is None:
        return DEFAULT_LIMIT if within is None else None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise ConfigError(f"Retry(limit=...) must be a number of retries, zero or more, not {limit!r:.80}")
    return limit


def _jitter(jitter: object) -> float:
    if isinstance(jitter, bool):
        return DEFAULT_JITTER if jitter else 0.0
    if not isinstance(jitter, (int, float)) or math.isnan(jitter) or not 0 <= jitter <= 1:
        raise ConfigError(f"Retry(jitter=...) must be True, False or between 0 and 1, not {jitter!r:.80}")
    return float(jitter)


def _types(types: Any, what: str) -> tuple[type[BaseException], ...]:
    given = tuple(types) if isinstance(types, (tuple, list, set, frozenset)) else (types,)
    for cls in given:
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            raise ConfigError(f"Retry({what}=...) must be exception types, not {cls!r:.80}")
    return given
