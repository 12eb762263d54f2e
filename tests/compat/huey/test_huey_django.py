"""The Django form, in processes of its own: a project, its settings, its commands.py, its consumer."""

import os
import subprocess
import sys

import pytest

from longshore.testing.processes import Program

SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["beans", "longshore.compat.huey.djhuey"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
USE_TZ = True
"""
COMMANDS = """
from longshore.compat.huey.djhuey.decorators import crontab, periodic_command, queue_command

@queue_command
def count_beans(num):
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [num])
        return "Counted %s beans" % cursor.fetchone()

@queue_command(retries=1)
def flaky(retries=None):
    raise ValueError("no")

@periodic_command(crontab(minute="*/5"))
def five_minutes():
    return "directly"
"""
SETTINGS_OF = {
    "backend": 'HUEY = {"backend": "huey.backends.sqlite_backend", "connection": {"location": "jobs.db"}}',
    "url": 'HUEY = {"url": "sqlite:///jobs.db", "name": "beans", "consumer_options": {"workers": 2}}',
    "old": 'HUEY_CONFIG = {"QUEUE": "huey.backends.sqlite_backend.SqliteQueue", '
    '"QUEUE_CONNECTION": {"location": "jobs.db"}, '
    '"RESULT_STORE": "longshore.compat.huey.backends.sqlite_backend.SqliteDataStore", '
    '"RESULT_STORE_CONNECTION": {"location": "jobs.db"}, "THREADS": 2, "PERIODIC": True}',
}
SHELL = "import django; django.setup(); from beans.commands import *; "


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "beans").mkdir()
    (tmp_path / "beans" / "__init__.py").touch()
    (tmp_path / "beans" / "commands.py").write_text(COMMANDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project_settings")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return lambda lines: (tmp_path / "project_settings.py").write_text(SETTINGS + lines)


def python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("form", SETTINGS_OF)
def test_a_command_runs(project, form):
    project(SETTINGS_OF[form])
    with Program("-m", "django", "run_huey", "-t", "2", "--no-periodic") as consumer:
        out = python(SHELL + "print(count_beans(5).get(blocking=True, timeout=20), five_minutes())")
        assert out == "Counted 5 beans directly\n", (out, consumer.output)
        assert "beans.commands.queuecmd_count_beans" in consumer.output  # found by itself
        assert "with 2 threads" in consumer.output
        consumer.signal(15)
        assert consumer.end() == 0


def test_always_eager(project):
    project('HUEY = {"url": "memory://", "always_eager": True}')
    assert python(SHELL + "print(count_beans(5) == 'Counted 5 beans')") == "True\n"


WRONG_SETTINGS = {
    "": "there is no setting HUEY",
    "HUEY = {}": 'HUEY has no "backend" and no "url"',
    "HUEY = 5": "HUEY must be a dict or an Invoker",
    'HUEY = {"backnd": "x"}': 'did you mean "backend"',
    'HUEY = {"backend": "no.such"}': '"no.such", which cannot be imported',
    'HUEY = {"url": "memory://", "consumer_options": {"worker": 1}}': 'did you mean "workers"',
    'HUEY_CONFIG = {"THREADS": 2}': 'HUEY_CONFIG has no "QUEUE"',
    'HUEY = {"url": "nothing://"}': "is not a store's URL",
}
EACH = """
import sys, django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
django.setup()
for lines in {lines!r}:
    for name in ("HUEY", "HUEY_CONFIG"):
        if hasattr(settings, name):
            delattr(settings, name)
    given = {{}}
    exec(lines, given)
    for name in given:
        if name.startswith("HUEY"):
            setattr(settings, name, given[name])
    try:
        from longshore.compat.huey.djhuey import invoker
    except ImproperlyConfigured as error:
        print(repr(str(error)))
    else:
        print("accepted", lines)
"""


def test_settings_that_cannot_work(project):
    project("")
    out = python(EACH.format(lines=list(WRONG_SETTINGS))).splitlines()
    assert len(out) == len(WRONG_SETTINGS), out
    for line, says in zip(out, WRONG_SETTINGS.values(), strict=True):
        assert says in line.replace("\\'", "'")


def test_django_is_not_imported_before():
    out = python("import sys, longshore.compat.huey.djhuey as d; print(d.__name__, 'django' in sys.modules)")
    assert out == "longshore.compat.huey.djhuey False\n"
