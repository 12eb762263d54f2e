"""Schedules: rules that give times. Pure."""

from longshore.schedules.base import Schedule
from longshore.schedules.cron import crontab
from longshore.schedules.dates import at
from longshore.schedules.interval import every
from longshore.schedules.paced import paced
from longshore.schedules.predicate import as_schedule
from longshore.schedules.stored import dump, load

__all__ = ["Schedule", "as_schedule", "at", "crontab", "dump", "every", "load", "paced"]
