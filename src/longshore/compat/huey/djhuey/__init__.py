"""huey's form for Django: ``longshore.compat.huey.djhuey`` in INSTALLED_APPS, and HUEY (or HUEY_CONFIG) in the settings.

Then decorate functions in the ``commands.py`` of your apps and run ``manage.py run_huey``. Django is imported when this
is used, not before: `invoker` and `configuration` are made of the settings at first use.
"""

from __future__ import annotations

from typing import Any

configuration: Any
invoker: Any


def __getattr__(name: str) -> Any:
    if name not in ("configuration", "invoker"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from longshore.compat.huey.djhuey import conf

    return getattr(conf.site(), name)
