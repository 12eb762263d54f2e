"""Names of tasks and queues, and unique keys: what every store can hold, and what a function's name is."""

from __future__ import annotations

import re
import sys
from typing import Any, Final

from longshore.errors import ArgumentError, LongshoreError, TaskError

_NAME: Final = re.compile(r"[\w.:-]+")
NAME_BYTES: Final = 200
KEY_BYTES: Final = 500


def check_name(name: object, what: str, error: type[LongshoreError]) -> str:
    """``name`` if it is one. Raises ``error`` otherwise; ``what`` says what it names."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name.encode()) > NAME_BYTES:
        raise error(
            f"{what} must be letters, digits and . _ - : (at most {NAME_BYTES} bytes), not {name!r:.80}"
        )
    return name


def check_key(key: object) -> str:
    """A unique key as text. ArgumentError: empty, too long, or text that not every store can hold."""
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key:
        raise ArgumentError(f"a unique key must be text that is not empty, not {key!r:.80}")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        size = 0
    if not size or "\0" in key:
        raise ArgumentError(f"a unique key cannot hold NUL or lone surrogates: {key!r:.80}")
    if size > KEY_BYTES:
        raise ArgumentError(f"a unique key has at most {KEY_BYTES} bytes, this one {size}: {key!r:.60}")
    return key


def task_name(target: Any) -> str:
    """The name of a function or class: ``module.qualname``. TaskError: it has none that a worker could know."""
    qualname = getattr(target, "__qualname__", None)
    if qualname is None:
        raise TaskError(f"{target!r:.80} has no name of its own. Give it one: app.task(name=...)")
    if "<lambda>" in qualname:
        raise TaskError(
            "a lambda has no name that a worker could know. Use def, or give it one: app.task(name=...)"
        )
    module = target.__module__
    if module == "__main__":
        module = main_name()
    return check_name(f"{module}.{qualname.replace('<locals>.', '')}", "a task's name", TaskError)


def main_name() -> str:
    """How another process would import the script that is running: ``report`` for report.py."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = str(getattr(main, "__file__", None) or "__main__")
    stem = re.split(r"[\\/]", file)[-1].removesuffix(".py")
    return re.sub(r"[^\w.:-]", "_", stem) or "__main__"
