"""The page about coming from huey holds a program in three files; it runs as it stands, with a real consumer."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from longshore.testing.processes import Program

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-huey.md"


def test_the_three_files_run(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == ["config.py", "commands.py", "main.py"]
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    start = f"import os, sys; os.chdir({str(tmp_path)!r}); from longshore.compat.huey.consumer import main; sys.exit(main())"
    with Program("-W", "error", "-c", start, "main.Configuration") as consumer:
        done = subprocess.run(
            [sys.executable, "-W", "error", "main.py"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.stdout == "Enqueued job to count 5 beans\nThe result is 5\n", done.stderr
        consumer.line("Counted 5 beans")
        consumer.signal(signal.SIGTERM)
        assert consumer.end() == 0
    for what in re.findall(
        r"^\$ longshore (\w+ list --app config:queue.app)$", PAGE.read_text(), re.MULTILINE
    ):
        seen = subprocess.run(
            [sys.executable, "-m", "longshore", *what.split()],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "test-queue" in seen.stdout or "count_beans" in seen.stdout, (what, seen.stderr)


def test_the_command_it_names_is_installed() -> None:
    import tomllib

    project = tomllib.loads((PAGE.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["longshore-huey-consumer"] == "longshore.compat.huey.consumer:main"
    assert "$ longshore-huey-consumer main.Configuration" in PAGE.read_text()
