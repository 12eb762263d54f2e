"""The words of aiojobs over Longshore's scheduler: change `aiojobs` to `longshore.compat.aiojobs` in the imports."""

from longshore.aio import Job, Scheduler, create_scheduler

__all__ = ("Job", "Scheduler", "create_scheduler")
