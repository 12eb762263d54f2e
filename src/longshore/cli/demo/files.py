"""Which files the demo takes."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Final

from longshore.cli.exits import NOT_FOUND, Problem

#: folders with other people's code, or with none
_LEFT_OUT: Final = frozenset({"site-packages", "dist-packages", "__pycache__", "node_modules"})


def python_files(folder: Path | None, limit: int | None) -> tuple[Path, list[Path]]:
    """The folder (by default the running interpreter's standard library) and its Python files, by name."""
    root = (folder or Path(sysconfig.get_path("stdlib"))).resolve()
    if not root.is_dir():
        what = "is a file; name its folder" if root.exists() else "is not there"
        raise Problem(
            f"{folder} {what}\nwithout a folder the demo takes Python's standard library",
            NOT_FOUND,
            "NoFolder",
        )
    found: list[Path] = []
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if name.endswith(".py")]
    # A name that is no text cannot be an argument of a job.
    files = [path for path in found if path.is_file() and _is_text(str(path))]
    if not files:
        raise Problem(
            f"there is no Python file in {root}\nname another folder: longshore demo FOLDER",
            NOT_FOUND,
            "NoFiles",
        )
    return root, files[:limit]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
