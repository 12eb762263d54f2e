"""The README's Python is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def run(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error", name], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_quickstart(tmp_path: Path) -> None:
    definition, use, _ = blocks()
    (tmp_path / "tasks.py").write_text(definition)
    body = "\n".join("        " + line for line in use.splitlines())
    run(
        tmp_path,
        "main.py",
        "import asyncio\nfrom tasks import add, app\n\nasync def main():\n"
        f"    async with app.worker():\n        asyncio.get_running_loop()\n{body.replace('job.result(timeout=5)', 'assert await job == 3')}\n"
        "        assert later.record.run_at > later.record.created_at + 59\n\nasyncio.run(main())\n",
    )


def test_the_tour(tmp_path: Path) -> None:
    run(tmp_path, "tour.py", blocks()[2])
