"""Schedules as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from longshore.cron import Cron
from longshore.errors import ConfigError
from longshore.schedules.base import AnyOf, Excluding, Schedule
from longshore.schedules.cron import Crontab
from longshore.schedules.dates import Dates
from longshore.schedules.days import Days
from longshore.schedules.interval import Every


def dump(schedule: Schedule) -> dict[str, Any]:
    """What `load` makes the same schedule of. ConfigError: it holds a function, which cannot be stored."""
    return schedule.to_doc()


def load(doc: Mapping[str, Any]) -> Schedule:
    """The schedule that `dump` made this of. ConfigError: it is damaged, or of a newer version."""
    try:
        return _load(doc)
    except ConfigError:
        raise
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise ConfigError(f"a stored schedule cannot be read: {error!r} in {doc!r:.200}") from None


def _load(doc: Mapping[str, Any]) -> Schedule:
    if "cron" in doc:
        return Crontab(Cron(doc["cron"], timezone=doc["timezone"], dst=doc["dst"]))
    if "every" in doc:
        anchor = None if doc["anchor"] is None else datetime.fromisoformat(doc["anchor"])
        return Every(timedelta(seconds=doc["every"]), anchor, doc["start_now"])
    if "at" in doc:
        return Dates([datetime.fromisoformat(text) for text in doc["at"]])
    if "any" in doc:
        return AnyOf([_load(member) for member in doc["any"]])
    if "excluding" in doc:
        days = msgspec.convert(doc["excluding"], Days)
        return Excluding(_load(doc["of"]), (days,), doc["timezone"])
    raise ConfigError(f"a stored schedule is of no known kind: {doc!r:.200}")
