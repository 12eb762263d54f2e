"""Every example of docs/web-server.md runs as it is printed, each in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "web-server.md"


def examples():
    section = ""
    for heading, code in re.findall(r"^## ([^\n]+)$|^```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
        if heading:
            section = heading
        else:
            yield pytest.param(code, id=section)


@pytest.mark.parametrize("code", list(examples()))
def test_example(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_there_are_examples():
    assert len(list(examples())) == 7
