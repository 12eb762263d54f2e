"""A Django project in a folder of its own, used as people use one: through manage.py, in other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from forked import Forking

from longshore.testing.processes import Program

MANAGE = """\
import os, sys
from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""

SETTINGS = """\
import json
from pathlib import Path

SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
ROOT_URLCONF = "site_urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "longshore.integrations.django",
    "shop",
]
MIDDLEWARE = []
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
WSGI_APPLICATION = "site_wsgi.application"
LOGGING_CONFIG = None
globals().update(json.loads(Path(__file__).with_name("settings.json").read_text()))
"""

WSGI = """\
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.{0} import get_{0}_application
application = get_{0}_application()
"""

_CLOSE = "from django.db import connections; connections.close_all()"
SHOP = Path(__file__).with_name("shop")
FORKING: Final = Forking()


class Project:
    """``settings`` are those of Django, JSON values, on top of what every project here has."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self._programs = ExitStack()
        self.settings = settings
        self.write("manage.py", MANAGE)
        self.write("site_settings.py", SETTINGS)
        self.write("site_urls.py", "from shop.urls import urlpatterns\n")
        self.write("site_wsgi.py", WSGI.format("wsgi"))
        self.write("site_asgi.py", WSGI.format("asgi"))
        for path in SHOP.rglob("*.py"):
            self.write(str(Path("shop") / path.relative_to(SHOP)), path.read_text())
        self.set()

    def set(self, **settings: Any) -> None:
        """Settings that are different from now on."""
        self.settings |= settings
        self.write("settings.json", json.dumps(self.settings))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        return {**given, "DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": path}

    def run(self, *command: str, code: int | None = 0, timeout: float = 60) -> str:
        """Run Python with these words, every warning an error; its output. ``code``: the exit code expected, None: any."""
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return _checked(done, code)

    def manage(self, *words: str, **options: Any) -> str:
        """``manage.py`` with these words, to its end."""
        return self.run("manage.py", *words, **options)

    def do(self, code: str, timeout: float = 60) -> str:
        """Run this with Django set up, in a process of its own; what it prints on its standard output."""
        whole = f"import django\ndjango.setup()\n{code}\n{_CLOSE}"
        done = FORKING.run(whole, self.folder, self.environment, timeout)
        _checked(done, 0)
        return done.stdout.strip()

    def start(self, *words: str) -> Program:
        """``manage.py`` with these words, going on."""
        return self.launch("manage.py", *words)

    def launch(self, *command: str) -> Program:
        """Python with these words, going on; killed at the end of the test."""
        program = Program("-u", "-W", "error", *command, env=self.environment, cwd=self.folder)
        return self._programs.enter_context(program)

    def close(self) -> None:
        """Kill what still runs."""
        self._programs.close()


def _checked(done: subprocess.CompletedProcess[str], code: int | None) -> str:
    """Its output, if that is as it should be."""
    said = done.stdout + done.stderr
    assert code is None or done.returncode == code, f"ended with {done.returncode}:\n{said[-6000:]}"
    assert "Exception ignored" not in said, said[-6000:]
    return said
