"""Exit codes, and which error means which."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
#: it ran, and the answer is bad: a failed job waited for, a failing check
BAD: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
STORE: Final = 4
SCHEMA: Final = 5
NO_WORKER: Final = 6
#: not confirmed, not overwritten, not allowed
REFUSED: Final = 7
INTERRUPTED: Final = 130

#: By class name, the most special first: the classes themselves are not imported to end a command.
_BY_NAME: Final = (
    ("SchemaError", SCHEMA),
    ("StoreError", STORE),
    ("JobNotFound", NOT_FOUND),
    ("UniqueConflict", REFUSED),
    ("ConfigError", USAGE),
    ("ArgumentError", USAGE),
)


class Problem(Exception):
    """What the command line itself finds wrong: a message for people, an exit code, and a name for programs.

    ``detail`` is printed below the message and may be long: a traceback of the user's own, say.
    """

    def __init__(self, message: str, code: int = USAGE, kind: str = "Usage", detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.kind = kind
        self.detail = detail


def code_of(error: BaseException) -> int:
    """The exit code an error of the library means."""
    if isinstance(error, Problem):
        return error.code
    names = {cls.__name__ for cls in type(error).__mro__}
    return next((code for name, code in _BY_NAME if name in names), BAD)
