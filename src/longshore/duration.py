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
