"""A schedule that goes from one tick to the next: a function says, of the last one, how long to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from longshore.duration import seconds
from longshore.errors import ConfigError
from longshore.schedules.base import Excluded, Schedule


class Paced(Schedule):
    """See `paced`."""

    __slots__ = ("_ask",)
    lone = True

    def __init__(self, ask: Callable[[datetime], float | timedelta]) -> None:
        self._ask = ask

    def __str__(self) -> str:
        return f"when {getattr(self._ask, '__qualname__', None) or type(self._ask).__qualname__} says"

    def wait(self, last: datetime) -> float:
        """Seconds from now until the tick after ``last``; zero: now."""
        said = self._ask(last)
        past = isinstance(said, (int, float)) and said < 0
        return 0.0 if past else seconds(said, f"what {self} gave")

    def within(self, after: datetime, until: datetime) -> datetime | None:
        raise ConfigError(f"{self}: only the present can be asked about")

    def to_doc(self) -> dict[str, Any]:
        raise ConfigError(f"{self}: a function cannot be stored: declare it in code, @app.periodic(...)")

    def excluding(self, *what: Excluded, timezone: Any = None) -> Any:
        raise ConfigError(f"{self}: leave times out in the function itself")

    def __or__(self, other: object) -> Schedule:
        raise ConfigError(f"{self}: it cannot be joined with another schedule; give the task two schedules")

    __ror__ = __or__


def paced(ask: Callable[[datetime], float | timedelta]) -> Schedule:
    """Ask a function, at every look, how long it is until the next tick: ``ask(last)`` in seconds from now, zero for now.

    ``last`` is the tick before (when the schedule began, for the first), with a time zone. So the interval can be decided
    at run time. There is one tick after each tick, however many workers ask; missed ones are made up for by one.
    Of overlaps, "queue" is as "skip".
    """
    if not callable(ask):
        raise ConfigError(f"paced() takes a function of the last tick, not {ask!r:.80}")
    return Paced(ask)
