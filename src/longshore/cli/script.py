"""Loading the app of a file or module for ``longshore dev``."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from longshore.cli.exits import USAGE, Problem
from longshore.cli.find import Found, add_folder, load_app, pick, run_user_code


def load_target(target: str) -> Found:
    """The app of ``tasks.py``, ``tasks.py:app``, ``tasks`` or ``tasks:app``.

    A file is imported as a module under its own name, not as ``__main__``, so that tasks in it can be run.
    """
    file, colon, name = target.rpartition(":")
    if not colon or not file.endswith(".py"):
        file, name = target, ""
    if not file.endswith(".py"):
        return load_app(target)
    path = Path(file).resolve()
    if not path.is_file():
        here = sorted(found.name for found in Path.cwd().glob("*.py"))
        raise Problem(
            f"there is no file {file} here\nPython files here: {', '.join(here[:8]) or 'none'}\n"
            "start one: longshore init",
            USAGE,
            "AppNotFound",
        )
    module_name, root = _module_of(path)
    add_folder(os.getcwd())
    add_folder(str(root))
    module = run_user_code(module_name, lambda: _load(module_name, path))
    app, name = pick(module, name)
    return Found(app, f"{module_name}:{name}", f"from {file}")


def _module_of(path: Path) -> tuple[str, Path]:
    """What importing the file would call it, and the folder to import from: above the packages it lies in."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if not all(part.isidentifier() for part in parts):
        raise Problem(
            f'"{path.name}" cannot be imported by Python; name it like tasks.py', USAGE, "AppNotFound"
        )
    return ".".join(parts), folder


def _load(name: str, path: Path) -> ModuleType:
    """Import exactly this file: another module of the same name may stand before it on the path."""
    package = name.rpartition(".")[0]
    if package:
        importlib.import_module(package)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
