"""What Django finds for ``"longshore.compat.autotask"`` in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.core import checks

from longshore.integrations.django.apps import LongshoreConfig


class AutotaskConfig(LongshoreConfig):
    """The Django integration as autotask had it: with a supervised worker, and tasks in any module that Django imports.

    Its ``name`` is the integration's, so tables, commands and admin come with it.
    """

    default = True
    looks_at_urls = True

    @property
    def supervises(self) -> bool:
        """Whether a worker is started where LONGSHORE["SUPERVISE"] says nothing."""
        from longshore.compat.autotask.conf import is_active

        return is_active()

    def ready(self) -> None:
        super().ready()
        from longshore.compat.autotask.conf import check_settings

        checks.register(check_settings, "longshore")
