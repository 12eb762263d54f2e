"""Durations as users give them: seconds or a timedelta."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from longshore.errors import ConfigError, LongshoreError

#: Longer than this is a mistake in the unit. 100 years.
LONGEST: Final = 100 * 366 * 86400.0

Duration = float | timedelta


def seconds(
    value: object, what: str, *, positive: bool = False, error: type[LongshoreError] = ConfigError
) -> float:
    """``value`` (int, float or timedelta) in seconds; ``what`` names it in messages.

    Raises ``error`` for anything else, for NaN, for less than zero (less or equal where ``positive``), and for more than
    100 years.
    """
    if isinstance(value, timedelta):
        number = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if abs(value) <= LONGEST else value
    else:
        raise error(f"{what} must be seconds or a timedelta, not {value!r:.80}")
    if number != number or number < 0 or (positive and number == 0):
        raise error(f"{what} must be {'more than zero' if positive else 'zero or more'}, not {value!r:.80}")
    if number > LONGEST:
        raise error(f"{what} is more than 100 years: {value!r:.80}; it is given in seconds")
    return number


def optional_seconds(
    value: object, what: str, *, positive: bool = False, error: type[LongshoreError] = ConfigError
) -> float | None:
    """As `seconds`, with None for "none"."""
    return None if value is None else seconds(value, what, positive=positive, error=error)


def span(seconds: float) -> str:
    """A duration, short: 340ms, 2.1s, 12m, 3h, 2d."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    for size, unit in _SIZES:
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def ago(at: float | None, now: float) -> str:
    """How far away a time is: ``3s ago``, ``in 5m``."""
    if at is None:
        return "-"
    return f"{span(now - at)} ago" if at <= now else f"in {span(at - now)}"


_SIZES: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"))
