"""Jobs and schedules in Django's admin, wherever they are kept: read and changed through the app, never as a table.

For an admin site of your own: ``site.register(Job, JobAdmin)`` and ``site.register(Schedule, ScheduleAdmin)``.
"""

from __future__ import annotations

from django.contrib import admin

from longshore.integrations.django.admin.jobs import JobAdmin
from longshore.integrations.django.admin.schedules import ScheduleAdmin
from longshore.integrations.django.models import Job, Schedule

__all__ = ["JobAdmin", "ScheduleAdmin"]

admin.site.register(Job, JobAdmin)
admin.site.register(Schedule, ScheduleAdmin)
