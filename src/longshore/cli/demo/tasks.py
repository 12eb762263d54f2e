"""The demo's app: one task, which takes a Python file apart. Its workers find the store in LONGSHORE_URL."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Final

import msgspec

from longshore import App

#: Short, so that one need not wait long to see a killed worker's jobs come back.
LEASE: Final = 4.0

app = App(lease=LEASE, sweep=1.0)

# What the files' authors would be warned of is nothing to those who watch a demo.
warnings.simplefilter("ignore")


class Facts(msgspec.Struct, frozen=True):
    """What is in one file."""

    lines: int
    functions: int
    classes: int
    longest: str
    longest_lines: int


@app.task(name="demo.parse")
def parse(path: Path) -> Facts:
    """Count what is in a Python file. Raises what Python raises for a file it cannot read or parse."""
    text = path.read_bytes()
    functions, classes, longest, longest_lines = 0, 0, "", 0
    for node in ast.walk(ast.parse(text, path.name)):
        if isinstance(node, ast.ClassDef):
            classes += 1
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions += 1
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > longest_lines:
                longest, longest_lines = node.name, length
    return Facts(
        text.count(b"\n") + (not text.endswith(b"\n") and text != b""),
        functions,
        classes,
        longest,
        longest_lines,
    )
