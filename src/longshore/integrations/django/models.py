"""Names for Django's permissions and admin: what lies behind them is read and changed through ``app``, in any store."""

from __future__ import annotations

from django.db import models


class Nothing(models.Manager):
    """No table is behind these models."""

    def get_queryset(self) -> models.QuerySet:
        """Always empty."""
        return super().get_queryset().none()


class Job(models.Model):
    """Permissions: ``longshore.view_job``, ``change_job`` (retry, cancel), ``delete_job``."""

    id = models.CharField(primary_key=True, max_length=32)
    objects = Nothing()

    class Meta:
        managed = False
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return str(self.id)


class Schedule(models.Model):
    """Permissions: ``longshore.view_schedule``, ``change_schedule`` (pause, resume, run now), ``delete_schedule``."""

    key = models.CharField(primary_key=True, max_length=200)
    objects = Nothing()

    class Meta:
        managed = False
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return str(self.key)
