"""Times and durations, as people and programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from longshore.duration import ago, span

__all__ = ["Duration", "Moment", "ago", "iso", "span"]

if TYPE_CHECKING:
    _Seconds = click.ParamType[float]
    _Moments = click.ParamType[datetime]
else:  # generic since click 8.2 only
    _Seconds = _Moments = click.ParamType

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


class Duration(_Seconds):
    """``30``, ``90s``, ``5m``, ``1h30m``, ``2d``: seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip().lower()
        try:
            number = float(text)
        except ValueError:
            parts = _PART.findall(text)
            if not parts or "".join(digits + unit for digits, unit in parts) != text:
                self.fail(f'"{value}" is no duration; write 30s, 5m, 1h30m or 2d', param, ctx)
            return sum(float(digits) * _UNITS[unit] for digits, unit in parts)
        if not 0 <= number < 1e10:
            self.fail(f'"{value}" is no duration; write 30s, 5m, 1h30m or 2d', param, ctx)
        return number


class Moment(_Moments):
    """A date and time with its offset from UTC, ISO 8601."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f'"{value}" is no time; write it like 2030-01-31T09:30:00+01:00', param, ctx)
        if moment.tzinfo is None:
            self.fail(f'"{value}" has no time zone; add Z for UTC, or an offset: {value}+01:00', param, ctx)
        return moment


def iso(at: float | None) -> str | None:
    """A stored time as ISO 8601 in UTC."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f} s"
