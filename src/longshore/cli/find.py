"""Finding the app: MODULE:APP to an App, and where to look when nobody named one."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

from longshore.cli.exits import USAGE, Problem, code_of
from longshore.cli.frames import own_traceback
from longshore.suggest import did_you_mean

if TYPE_CHECKING:
    from longshore.app import App

VARIABLE: Final = "LONGSHORE_APP"
#: file names in which an app is looked for when nobody said where it is
_USUAL: Final = ("tasks.py", "app.py")


class Found(NamedTuple):
    """An app, its full MODULE:APP, and how it was found (empty: it was named on the command line)."""

    app: App
    spec: str
    how: str


def find_app(given: str | None) -> Found:
    """The app named, else that of the environment, of pyproject.toml, or of a lone tasks.py or app.py here."""
    spec, how = (given, "") if given else unnamed()
    if spec is None:
        raise _nowhere()
    return load_app(spec, how)


def unnamed() -> tuple[str | None, str]:
    """MODULE:APP where the command line has none, and where that was found."""
    if spec := os.environ.get(VARIABLE):
        return spec, f"from {VARIABLE}"
    if spec := _from_pyproject():
        return spec, "from pyproject.toml"
    here = [name for name in _USUAL if Path(name).is_file()]
    if len(here) > 1:
        raise _no_app(
            f"which app? Here are both {' and '.join(here)}\n"
            f"say it: --app {here[0].removesuffix('.py')}:app, or set {VARIABLE}"
        )
    return (here[0].removesuffix(".py"), "found here") if here else (None, "")


def _from_pyproject() -> str | None:
    import tomllib

    try:
        with open("pyproject.toml", "rb") as file:
            table = tomllib.load(file).get("tool", {}).get("longshore", {})
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise _no_app(
            f"pyproject.toml here cannot be read: {error}\nmend it, or name the app: --app tasks:app"
        ) from None
    spec = table.get("app") if isinstance(table, dict) else None
    if spec is not None and not isinstance(spec, str):
        raise _no_app(f'pyproject.toml: [tool.longshore] app = {spec!r} is no text; write app = "tasks:app"')
    return spec


def load_app(spec: str, how: str = "") -> Found:
    """Import MODULE:APP; of a module alone, the one app it defines."""
    module_name, name = _parts(spec)
    add_folder(os.getcwd())
    module = run_user_code(module_name, lambda: _import(module_name, name))
    app, name = pick(module, name)
    return Found(app, f"{module_name}:{name}", how)


def add_folder(folder: str) -> None:
    """Let Python import from this folder first."""
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _parts(spec: str) -> tuple[str, str]:
    module, colon, name = spec.partition(":")
    if module.endswith(".py") or "/" in module or os.sep in module:
        dotted = module.removesuffix(".py").strip("./").replace(os.sep, ".").replace("/", ".")
        raise _no_app(f'"{spec}" names a file; name the module\ntry: {dotted}:{name or "app"}')
    if not module or not all(part.isidentifier() for part in module.split(".")):
        raise _no_app(f'"{spec}" is not MODULE:APP\nfor an app = App(...) in tasks.py write: tasks:app')
    if colon and not all(part.isidentifier() for part in name.split(".")):
        raise _no_app(f'"{spec}": after the colon goes the name of an app\ntry: {module}:app')
    return module, name


def _import(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module == missing or module.startswith(f"{missing}."):
            raise _no_module(module, missing, name) from None
        raise


def run_user_code(module: str, run: Callable[[], ModuleType]) -> ModuleType:
    """Import a module of the user's; a Problem with their own traceback where it fails."""
    try:
        return run()
    except (Problem, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise _no_app(
            f'"{module}" ended the program while it was imported (SystemExit {error.code!r})\n'
            'put what it runs under: if __name__ == "__main__":'
        ) from None
    except BaseException as error:
        raise _import_failed(module, error) from error


def _import_failed(module: str, error: BaseException) -> Problem:
    from longshore.errors import LongshoreError

    text, where = own_traceback(error)
    if isinstance(
        error, LongshoreError
    ):  # it says itself what is wrong and what to do; only where is missing
        said = f'{error}\n(said while importing "{module}"{where})'
        return Problem(said, code_of(error), type(error).__name__)
    said = f'"{module}" was found, but importing it fails{where}: {type(error).__name__}'
    return Problem(said, USAGE, "ImportFailed", text)


def _no_module(module: str, missing: str, name: str) -> Problem:
    here = sorted(path.stem for path in Path.cwd().glob("*.py") if path.stem.isidentifier())
    folders = sorted(path.parent.name for path in Path.cwd().glob("*/__init__.py"))
    lines = [
        f'cannot import "{module}": there is no module "{missing}" (looked in {os.getcwd()} and Python\'s path)'
    ]
    if "." not in missing:
        listed = [f"{stem}.py" for stem in here] + [f"{folder}/" for folder in folders]
        lines.append(
            f"here are: {', '.join(listed[:8]) or 'no Python files'}{' …' if len(listed) > 8 else ''}"
        )
        near = get_close_matches(missing, [*here, *folders], 1)
        if near:
            lines.append(f"did you mean: {near[0]}{module.removeprefix(missing)}:{name or 'app'}")
    if "." in module and ":" not in module and not name:
        parent, _, last = module.rpartition(".")
        lines.append(f"with a colon before the app's name? {parent}:{last}")
    elif not here and not folders:
        lines.append("start one: longshore init")
    return _no_app("\n".join(lines))


def pick(module: ModuleType, name: str) -> tuple[App, str]:
    """The app of this name in the module, or its only one; and its name."""
    from longshore.app import App

    apps = [key for key, value in vars(module).items() if isinstance(value, App)]
    file = os.path.basename(module.__file__ or module.__name__)
    if not name:
        if len(apps) == 1:
            return vars(module)[apps[0]], apps[0]
        choice = "no app: write app = App(...) in it" if not apps else f"{len(apps)} apps: {', '.join(apps)}"
        raise _no_app(f"{file} defines {choice}\nname one: {module.__name__}:{apps[0] if apps else 'app'}")
    value: object = module
    for part in name.split("."):
        if not hasattr(value, part):
            defines = f"it defines these apps: {', '.join(apps)}" if apps else "it defines no app"
            fix = f"\ntry: {module.__name__}:{apps[0]}" if apps else "\nwrite in it: app = App()"
            raise _no_app(f'{file} has no "{name}"; {defines}{did_you_mean(name, apps)}{fix}')
        value = getattr(value, part)
    if not isinstance(value, App):
        fix = f"{module.__name__}:{apps[0]}" if apps else "write in it: app = App()"
        raise _no_app(f'"{name}" in {file} is {_what(value)}, not an App\ntry: {fix}')
    return value, name


def _what(value: object) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"


def _nowhere() -> Problem:
    return _no_app(
        "no app: none was named, and there is no tasks.py or app.py here\n"
        f'name it: --app MODULE:APP, or set {VARIABLE}, or in pyproject.toml: [tool.longshore] app = "tasks:app"\n'
        "or start one: longshore init"
    )


def _no_app(message: str) -> Problem:
    return Problem(message, USAGE, "AppNotFound")
