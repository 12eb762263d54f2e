"""Background jobs in a Django project, kept in the project's own database or where settings say.

INSTALLED_APPS = [..., "longshore.integrations.django"]

In an app's tasks.py:

from longshore.integrations.django import app

@app.task(retry=3)
def welcome(user_id: int) -> None: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longshore.integrations.django.backend import Backend
    from longshore.integrations.django.project import ProjectApp
    from longshore.integrations.django.supervised import supervise

    app: ProjectApp

__all__ = ["Backend", "app", "supervise"]


def __getattr__(name: str) -> Any:
    # Not before they are asked for: Django imports this package while it is still setting itself up.
    if name == "app":
        from longshore.integrations.django.project import project_app

        return project_app()
    if name == "Backend":
        from longshore.integrations.django.backend import Backend

        return Backend
    if name == "supervise":
        from longshore.integrations.django.supervised import supervise

        return supervise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
