"""The project's app with all its tasks: ``longshore worker longshore.integrations.django.main:app``."""

from __future__ import annotations

from longshore.integrations.django.discovery import discover
from longshore.integrations.django.project import project_app

__all__ = ["app"]

app = project_app()
discover()
