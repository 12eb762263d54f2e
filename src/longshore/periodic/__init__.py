"""Schedules of an app: declared in code, or put at run time; kept in the store."""

from longshore.periodic.declaration import Declaration
from longshore.periodic.entry import Entry
from longshore.periodic.schedules import Schedules
from longshore.periodic.view import Planned

__all__ = ["Declaration", "Entry", "Planned", "Schedules"]
