"""The README's five commands for Django, and the project in examples/, as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from longshore.testing.processes import Program

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## Django\n(.*?)^## ", re.DOTALL | re.MULTILINE)


def environment() -> dict[str, str]:
    given = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "LONGSHORE_"))
    }
    return {**given, "PATH": os.pathsep.join([str(Path(sys.executable).parent), given["PATH"]])}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_five_commands_from_a_new_project_to_the_first_result(tmp_path: Path) -> None:
    section = SECTION.search((ROOT / "README.md").read_text())
    assert section is not None
    [block] = re.findall(r"^```console\n(.*?)^```", section[1], re.DOTALL | re.MULTILINE)
    commands = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    assert len(commands) == 5
    said = [run(tmp_path, "sh", "-c", command) for command in commands]
    assert "no worker is running. Start one: python manage.py longshore worker -q default" in said[-1]
    assert "hello World" in said[-1]
    assert "1 done" in said[-1]
    assert "succeeded" in run(tmp_path, sys.executable, "manage.py", "longshore", "jobs", "list")


def test_the_shop_in_examples(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(
        ROOT / "examples" / "django", folder, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*")
    )
    manage = (sys.executable, "-W", "error", "manage.py")
    assert "no issues" in run(folder, *manage, "check")
    assert "No changes" in run(folder, *manage, "makemigrations", "--check", "--dry-run")
    run(folder, *manage, "migrate", "-v0")
    words = ("-u", "-W", "error", "manage.py", "runserver", "--noreload", "127.0.0.1:0")
    with Program(*words, env=environment(), cwd=folder) as server:
        address = server.line("Starting ").rpartition(" ")[2].rstrip("/")
        browser = build_opener(HTTPCookieProcessor(CookieJar()))

        def read(url: str, **fields: str) -> tuple[str, str]:
            with browser.open(url, urlencode(fields).encode() if fields else None, timeout=20) as answer:
                return answer.url, answer.read().decode()

        _, page = read(f"{address}/")
        token = re.search('name="csrfmiddlewaretoken" value="([^"]*)"', page)
        assert token is not None
        where, page = read(f"{address}/", article="a kettle", csrfmiddlewaretoken=token[1])
        assert '"state": "new"' in page
        assert '"state": "queued"' in page
        done = run(folder, *manage, "longshore", "worker", "--burst", "-c", "2")
        assert re.search("[12] done · 0 retried · 0 failed", done), done
        _, page = read(where)
        assert '"state": "shipped"' in page
        assert "order 1 (a kettle) is on its way" in page
        where, _ = read(f"{address}/admin/longshore/job/")
        assert "/admin/login/" in where
    assert "forget_old_orders" in run(folder, *manage, "longshore", "schedules", "list")
