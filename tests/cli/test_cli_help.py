"""Help, versions, and what is not imported for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli_commands import COMMANDS

_HEAVY = (
    "asyncio",
    "sqlite3",
    "msgspec",
    "rich",
    "watchfiles",
    "longshore.app",
    "longshore.stores",
    "longshore.worker",
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_imports_nothing_it_does_not_need(words: list[str]) -> None:
    script = (
        "import sys\n"
        "from longshore.cli.main import run\n"
        f"code = run({[*words, '--help']!r})\n"
        f"print('heavy:', [name for name in {_HEAVY!r} if name in sys.modules])\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert "heavy: []" in done.stdout
    assert f"longshore {' '.join(words)}".strip() in done.stdout
    assert done.stderr == ""


def test_the_installed_script_is_the_same_command() -> None:
    script = Path(sys.executable).with_name("longshore")
    assert subprocess.run([script, "-V"], capture_output=True, text=True, check=True).stdout.startswith(
        "longshore "
    )


def test_main_help_lists_every_command_and_the_exit_codes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "longshore", "-h"], capture_output=True, text=True, check=True
    )
    for words in COMMANDS:
        if words:
            assert f"  {words[0]} " in done.stdout
    assert "7 refused, 130 interrupted" in " ".join(done.stdout.split())
