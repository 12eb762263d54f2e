"""What the admin of jobs and that of schedules have in common: pages over the app, in the look of the admin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import django
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from longshore.errors import LongshoreError
from longshore.integrations.django.discovery import discover
from longshore.integrations.django.project import ProjectApp, project_app

#: From there on, the frame of a list is another.
_SINCE_6_1: Final = bool(django.VERSION[0] * 100 + django.VERSION[1] >= 601)
#: An HttpRequest with its user, which Django's types do not know
Request = Any


class OverApp(admin.ModelAdmin):
    """Nothing is added here, nothing is edited field by field, and no table is read."""

    @property
    def app(self) -> ProjectApp:
        """The project's app, its tasks known."""
        discover()
        return project_app()

    def has_add_permission(self, request: Request, obj: Any = None) -> bool:
        """Jobs are enqueued and schedules put by code."""
        return False

    def address(self, name: str, *args: str) -> str:
        """Of a page of this admin: ``changelist``, ``change``, ``delete``, ``history``."""
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}",
            args=[quote(one) for one in args],
            current_app=self.admin_site.name,
        )

    def may(self, request: Request, permission: str) -> bool:
        """Whether the user has ``view``, ``change`` or ``delete``."""
        return bool(getattr(self, f"has_{permission}_permission")(request))

    def page(
        self, request: Request, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """A page of ours, in the site's frame."""
        request.current_app = self.admin_site.name
        frame = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "since_6_1": _SINCE_6_1,
            "list_address": self.address("changelist"),
        }
        return TemplateResponse(
            request, f"longshore/admin/{template}.html", {**frame, **context}, status=status
        )

    def log(self, request: Request, keys: Sequence[str], flag: int, message: str) -> None:
        """In the admin's own history."""
        if keys:
            things = [self.model(pk=key) for key in keys]
            LogEntry.objects.log_actions(request.user.pk, things, flag, change_message=message)


def note(app: ProjectApp) -> str:
    """What a person should know of where the jobs are; empty: nothing."""
    if app.eager:
        return "Jobs run at once in the process that enqueues them (EAGER), and nothing is kept of those of other processes."
    if app.url.startswith("memory:"):
        return "Jobs are kept in the memory of each process: those of other processes are not listed here."
    return ""


def over_store(permission: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For a view: who has not this permission is refused; a store that cannot be reached is told on a page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(self: OverApp, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.may(request, permission):
                raise PermissionDenied
            try:
                return view(self, request, *args, **kwargs)
            except LongshoreError as error:
                context = {"title": self.opts.verbose_name_plural.capitalize(), "problem": str(error)}
                return self.page(request, "problem", context, status=503)

        return guarded

    return decorate
