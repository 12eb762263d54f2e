"""What Django finds in ``INSTALLED_APPS``."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models.signals import post_migrate


class LongshoreConfig(AppConfig):
    """``"longshore.integrations.django"``."""

    name = "longshore.integrations.django"
    label = "longshore"
    verbose_name = "Background jobs"
    #: whether tasks are looked for in what the URLconf imports, too
    looks_at_urls = False

    @property
    def supervises(self) -> bool:
        """Whether servers start a worker where LONGSHORE["SUPERVISE"] says nothing."""
        return False

    def ready(self) -> None:
        """Nothing of the project is imported and nothing is connected to here."""
        from longshore.integrations.django.checks import check_settings
        from longshore.integrations.django.serving import Serving, serving
        from longshore.integrations.django.tables import make_tables

        checks.register(check_settings, "longshore")
        post_migrate.connect(make_tables, sender=self)
        tasks = getattr(settings, "TASKS", {}) if find_spec("django.tasks") else {}
        if any("longshore" in str(one.get("BACKEND", "")) for one in tasks.values()):
            import_module("django.tasks")  # whose check, which asks our backend's, is registered only then
        where = serving()
        if where is not Serving.NO:
            from longshore.integrations.django.supervised import begin

            begin(where, self.supervises)
