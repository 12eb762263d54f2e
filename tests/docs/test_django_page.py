"""The page about Django: its files put into a new project, its commands run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "django.md"


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
    commands = re.findall(r"^python manage\.py (longshore .*|migrate)$", text, re.MULTILINE)
    assert len(commands) == 4
    run(tmp_path, "-m", "django", "startproject", "mysite", ".")
    run(tmp_path, "manage.py", "startapp", "shop")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        name = block.partition("\n")[0].removeprefix("# ")
        path = tmp_path / name
        # What is told of settings is added to what is there; other files are whole.
        before = path.read_text() if name.endswith("settings.py") else ""
        path.write_text(f"{before}\n{block}")
    if find_spec("django.tasks") is not None:
        tasks = tmp_path / "shop" / "tasks.py"
        tasks.write_text(f"{tasks.read_text()}from shop.mails import send  # noqa: F401\n")
    said = [run(tmp_path, "manage.py", *command.split()) for command in commands]
    assert "1 done" in said[2]
    assert "shop.tasks.greet" in said[3]
    assert "OK" in run(tmp_path, "manage.py", "test")
    if find_spec("django.tasks") is not None:
        run(
            tmp_path,
            "manage.py",
            "shell",
            "-c",
            "from shop.mails import send; send.enqueue('ada@example.org')",
        )
        assert "1 done" in run(tmp_path, "manage.py", "longshore", "worker", "--burst", "-q", "mail")
    assert "no issues" in run(tmp_path, "manage.py", "check")
