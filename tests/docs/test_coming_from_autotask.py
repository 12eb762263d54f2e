"""The page about coming from autotask is one project; it runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-autotask.md"
URLS = "from django.urls import path\nfrom shop.views import ask\nurlpatterns = [path('', ask)]\n"
ASKED = """
import os
import django
from django.test import Client

os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
django.setup()
print(Client(SERVER_NAME="localhost").get("/").json())
"""


def run(folder: Path, *command: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=env,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_the_page_runs(tmp_path: Path) -> None:
    text = PAGE.read_text()
    migrate, worker, jobs = re.findall(r"^python manage\.py ([a-z -]*?) *(?:#.*)?$", text, re.MULTILINE)
    run(tmp_path, "-m", "django", "startproject", "mysite", ".")
    run(tmp_path, "manage.py", "startapp", "shop")
    for name, block in re.findall(r"^```python\n# (\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        path = tmp_path / name
        before = path.read_text() if name.endswith("settings.py") else ""
        path.write_text(f"{before}\n{block}")
    (tmp_path / "mysite" / "urls.py").write_text(URLS)
    assert "no issues" in run(tmp_path, "manage.py", "check")
    run(tmp_path, "manage.py", *migrate.split())
    said = run(tmp_path, "-c", ASKED)
    assert said.startswith("{'ready': False, 'done': False, 'result': None, 'error': ''}")
    said = run(tmp_path, "manage.py", *worker.split())
    assert "shop.tasks.send_mail" in said
    assert "refreshed" in said
    assert "shop.tasks.good_morning" not in said
    assert "succeeded" in run(tmp_path, "manage.py", *jobs.split())
    order = 'cron_task(crontab="*/5 9 * * mon-fri", order="cron")'
    assert order in text
    run(
        tmp_path,
        "manage.py",
        "shell",
        "-c",
        f"from longshore.compat.autotask.tasks import cron_task; {order}",
    )
