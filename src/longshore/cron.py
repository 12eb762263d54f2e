"""Cron expressions: parsed and stepped by cronsim, followed through time zones by us. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from longshore.errors import ConfigError
from longshore.suggest import did_you_mean
from longshore.walltime import Policy, next_instant

Dst = Literal["cron", "skip", "both"]
Field = str | int | Iterable[int | str]

MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS: Final = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day": "1 to 31, L (the last), LW (the last weekday)",
    "month": "1 to 12, JAN to DEC",
    "day_of_week": "0 to 7 (0 and 7 are Sunday), SUN to SAT, FRI#2 (the second), 5L (the last)",
}
_NAMES: Final = tuple(FIELDS)
_SAMPLE: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time


class Cron:
    """A cron expression in a time zone. Never changed once made.

    expression    five fields, six with the second first, or a macro like ``@daily``
    timezone      an IANA name, a ZoneInfo or `datetime.UTC`
    dst           what happens to times that a change of the clock skips or repeats.
                  ``cron``: as Debian's cron. Where second, minute and hour are fixed (none begins with ``*``), a skipped
                  time runs right after the gap, a repeated one the first time only; else real time is followed.
                  ``skip``: a skipped time does not run, a repeated one the first time only.
                  ``both``: a skipped time does not run, a repeated one runs twice.

    ConfigError: names the field and its value, an impossible date, an unknown zone or policy.
    """

    __slots__ = ("_parsed", "_policy", "dst", "expression", "zone")

    def __init__(self, expression: str, *, timezone: str | tzinfo = "UTC", dst: Dst = "cron") -> None:
        self.expression = " ".join(expression.split())
        fields = _split(self.expression)
        for name, value in zip(_NAMES[-len(fields) :], fields, strict=True):
            _check_field(name, value)
        self._parsed = " ".join(fields)
        self.zone = zone(timezone)
        if dst not in get_args(Dst):
            raise ConfigError(f'dst must be "cron", "skip" or "both", not {dst!r:.80}')
        self.dst: Dst = dst
        self._policy: Policy = _policy(dst, self.fixed)
        _check_date(self.expression, self._parsed, dict(zip(_NAMES[-len(fields) :], fields, strict=True)))

    @property
    def fixed(self) -> bool:
        """Whether it names times of the day, rather than following time (a ``*`` in second, minute or hour)."""
        return not any(field.startswith("*") for field in self._parsed.split()[:-3])

    def after(self, instant: datetime) -> datetime | None:
        """The first time strictly after ``instant`` (naive, UTC), as such; None: none before the year 10000."""
        try:
            if self.zone is UTC:
                return self._step(instant)
            return next_instant(self._step, instant, self.zone, self._policy)
        except OverflowError:
            return None

    def _step(self, wall: datetime) -> datetime | None:
        try:
            return next(CronSim(self._parsed, wall), None)
        except (OverflowError, ValueError):  # cronsim walks into the year 10000
            return None


def expression(
    minute: Field, hour: Field, day: Field, month: Field, day_of_week: Field, second: Field | None
) -> str:
    """The expression of fields given one by one. ConfigError: a field is no text, number or series of those."""
    values = {"minute": minute, "hour": hour, "day": day, "month": month, "day_of_week": day_of_week}
    texts = [_field(name, value) for name, value in values.items()]
    return " ".join(texts if second is None else [_field("second", second), *texts])


def zone(timezone: object) -> tzinfo:
    """The zone of that name. ConfigError: there is none."""
    if timezone is UTC or isinstance(timezone, ZoneInfo) or timezone in ("UTC", "utc"):
        return timezone if isinstance(timezone, ZoneInfo) and timezone.key != "UTC" else UTC
    if not isinstance(timezone, str):
        raise ConfigError(
            f'timezone must be a name like "Europe/Berlin", a ZoneInfo or datetime.UTC, not {timezone!r:.80}'
        )
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of the database
        from zoneinfo import available_timezones

        names = {name.rpartition("/")[2]: name for name in available_timezones()}
        short = timezone.rpartition("/")[2].replace(" ", "_").title()
        hint = (
            f'; did you mean "{names[short]}"?' if short in names else did_you_mean(timezone, names.values())
        )
        raise ConfigError(
            f'timezone: there is no time zone "{timezone}"{hint or "; names are like Europe/Berlin"}'
        ) from None


def zone_name(where: tzinfo) -> str:
    """What `zone` finds it by."""
    return where.key if isinstance(where, ZoneInfo) else "UTC"


def _field(name: str, value: Field) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, Iterable):
        text = ",".join(_field(name, part) for part in value)
    else:
        raise ConfigError(f"crontab: {name} must be text, a number or a list of those, not {value!r:.80}")
    if not text or text.split() != [text]:
        raise ConfigError(
            f'crontab: {name} "{text}" cannot be: it is {FIELDS[name]}, or * ranges, lists, steps, without blanks'
        )
    return text


def _split(text: str) -> list[str]:
    if text.startswith("@"):
        if text.lower() not in MACROS:
            raise ConfigError(
                f'crontab: there is no "{text}"{did_you_mean(text, MACROS) or "."} There are {", ".join(MACROS)}'
            )
        text = MACROS[text.lower()]
    fields = text.split()
    if len(fields) not in (5, 6):
        raise ConfigError(
            f'crontab: "{text}" has {len(fields)} fields; it takes five (minute hour day month day_of_week), '
            "or six with the second first"
        )
    # As in Quartz: no particular day.
    return ["*" if field == "?" else field for field in fields]


def _check_field(name: str, value: str) -> None:
    parts = ["0", "0", "0", "*", "*", "*"]
    parts[_NAMES.index(name)] = value
    try:
        CronSim(" ".join(parts), _SAMPLE)
    except (CronSimError, AssertionError, TypeError, ValueError):
        raise ConfigError(
            f'crontab: {name} "{value}" cannot be: it is {FIELDS[name]}; or *, 1-5, 1,3, */10'
        ) from None


def _check_date(text: str, parsed: str, fields: dict[str, str]) -> None:
    try:
        found = next(CronSim(parsed, _SAMPLE), None)
    except CronSimError:
        found = None
    if found is None:
        named = ", ".join(f'{name} "{fields[name]}"' for name in ("day", "month", "day_of_week"))
        raise ConfigError(f'crontab: "{text}" never comes: there is no such date ({named})')


def _policy(dst: Dst, fixed: bool) -> Policy:
    if dst == "both" or (dst == "cron" and not fixed):
        return "both"
    return "once" if dst == "cron" else "first"
