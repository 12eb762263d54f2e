"""Autotask's crontabs: lists of numbers or a text, Monday is 0. Made into the engine's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from django.utils.timezone import get_default_timezone_name

from longshore import crontab as native
from longshore.errors import ConfigError
from longshore.schedules import Schedule

Order = Literal["autotask", "cron"]


class Field(NamedTuple):
    """One field: its name as the keyword, what it may hold, and what a message calls it."""

    name: str
    lowest: int
    highest: int


MINUTES: Final = Field("minutes", 0, 59)
HOURS: Final = Field("hours", 0, 23)
DOW: Final = Field("dow", 0, 6)
MONTHS: Final = Field("months", 1, 12)
DOM: Final = Field("dom", 1, 31)

#: The text's order of the document, which differs from that of cron.
FIELDS: Final = (MINUTES, HOURS, DOW, MONTHS, DOM)

Numbers = Iterable[int] | None


def schedule_of(
    minutes: Numbers,
    hours: Numbers,
    dow: Numbers,
    months: Numbers,
    dom: Numbers,
    text: str | None,
    order: Order,
) -> Schedule:
    """The times in Django's TIME_ZONE. A text wins over the rest.

    ConfigError: a field that cannot be, a date that never comes.
    """
    zone = get_default_timezone_name()
    if order not in ("autotask", "cron"):
        raise ConfigError(f'cron_task: order must be "autotask" or "cron", not {order!r:.80}')
    if text is not None:
        if not isinstance(text, str):
            raise ConfigError(f"cron_task: crontab must be a text of five fields, not {text!r:.80}")
        if order == "cron":
            return native(text, timezone=zone)
        chosen = _read(text)
    else:
        if order == "cron":
            raise ConfigError(
                'cron_task: order="cron" is about a text: cron_task(crontab="...", order="cron")'
            )
        given = (minutes, hours, dow, months, dom)
        chosen = [_numbers(field, values) for field, values in zip(FIELDS, given, strict=True)]
    minute, hour, weekday, month, day = chosen
    # cron counts week days from Sunday.
    weekday = None if weekday is None else [(number + 1) % 7 for number in weekday]
    return native(
        minute=_written(minute),
        hour=_written(hour),
        day=_written(day),
        month=_written(month),
        day_of_week=_written(weekday),
        timezone=zone,
    )


def _written(numbers: list[int] | None) -> str:
    """A field as cron writes it. All numbers one by one still restrict: cron asks whether there is a ``*``."""
    return "*" if numbers is None else ",".join(map(str, sorted(numbers)))


def _numbers(field: Field, values: Numbers) -> list[int] | None:
    """None for every one. As in autotask an empty list is that too."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigError(
            f"cron_task: {field.name} must be a list of numbers, not {values!r:.80}: {field.name}=[...]"
        )
    return sorted({_checked(field, value, repr(value)) for value in values}) or None


def _checked(field: Field, value: object, shown: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not field.lowest <= value <= field.highest:
        monday = ", Monday is 0" if field is DOW else ""
        raise ConfigError(
            f"cron_task: {shown:.80} is none of {field.name}: whole numbers from {field.lowest} to {field.highest}{monday}"
        )
    return value


def _read(text: str) -> list[list[int] | None]:
    parts = text.split()
    if len(parts) != len(FIELDS):
        raise ConfigError(
            f'cron_task: crontab="{text:.80}" has {len(parts)} fields; it takes five: minutes hours dow months dom\n'
            '(the order of autotask; for minute hour dom month dow add order="cron")'
        )
    return [_field(field, part, text) for field, part in zip(FIELDS, parts, strict=True)]


def _field(field: Field, part: str, text: str) -> list[int] | None:
    if part == "*":
        return None
    numbers: set[int] = set()
    for piece in part.split(","):
        first, dash, last = piece.partition("-")
        if not _is_number(first) or (dash and not _is_number(last)):
            raise ConfigError(
                f'cron_task: "{part:.40}" in crontab="{text:.80}" cannot be read as {field.name}: only numbers, * , and - '
                'are allowed\n(for steps and names add order="cron", whose fields are minute hour dom month dow)'
            )
        low = _checked(field, int(first), piece)
        high = _checked(field, int(last), piece) if dash else low
        if low > high:
            raise ConfigError(f'cron_task: "{piece}" in crontab="{text:.80}" runs backwards')
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4
