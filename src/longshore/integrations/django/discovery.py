"""Setting Django up where nobody did, and finding the tasks of installed apps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings

from longshore.errors import ConfigError
from longshore.integrations.django.conf import read
from longshore.middleware.base import Middleware


def set_up() -> None:
    """Make Django ready in a process that it did not start, like a task's own. ConfigError: there is no project."""
    if apps.apps_ready:
        return
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        raise ConfigError(
            "no Django project: DJANGO_SETTINGS_MODULE is not set\nset it, or run: python manage.py longshore …"
        )
    import django

    django.setup()


def prepare_process() -> Sequence[Middleware]:
    """Django, in a process for tasks with ``executor="process"``; and what is around them there."""
    from longshore.integrations.django.around import AroundJobs

    set_up()
    return [AroundJobs()]


def discover() -> list[str]:
    """Import ``tasks`` and ``commands`` (LONGSHORE["MODULES"]) of every installed app; the modules there are.

    What such a module raises is not swallowed.
    """
    conf, _ = read()
    found = []
    for config in apps.get_app_configs():
        for name in conf.modules:
            module = f"{config.name}.{name}"
            if config.module is not None and hasattr(config.module, "__path__") and find_spec(module):
                import_module(module)
                found.append(module)
    urls = getattr(settings, "ROOT_URLCONF", None)
    if urls and getattr(apps.get_app_config("longshore"), "looks_at_urls", False):
        import_module(urls)
        found.append(urls)
    return found
