"""Errors, told: what happened, the value, the fix. Eight lines at most, and no traceback unless asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import click

from longshore.cli.exits import USAGE, Problem, code_of
from longshore.cli.output import color_wanted

_LINES: Final = 8


def wants_json(argv: Sequence[str]) -> bool:
    """Whether the command line asks for JSON; looked up in the raw words, since parsing them may be what failed."""
    for index, word in enumerate(argv):
        if word in ("-o", "--output"):
            return "".join(argv[index + 1 : index + 2]) in ("json", "jsonl")
        if word in ("-ojson", "-ojsonl", "--output=json", "--output=jsonl"):
            return True
    return False


def report(error: BaseException, as_json: bool, debug: bool) -> int:
    """Tell an error; its exit code."""
    code = code_of(error)
    if debug:
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    expected = isinstance(error, Problem) or _is_ours(error)
    message = str(error) if expected else _unexpected(error)
    kind = error.kind if isinstance(error, Problem) else type(error).__name__
    _tell(message, kind, code, as_json, error.detail if isinstance(error, Problem) else "")
    return code


def report_click(error: click.ClickException, as_json: bool) -> int:
    """Tell a wrong command line."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    message = message[:1].lower() + message[1:]
    if context is not None:
        message += f"\nsee: {context.command_path} --help"
    _tell(message, "Usage", USAGE, as_json)
    return USAGE


def _is_ours(error: BaseException) -> bool:
    return any(
        cls.__module__ == "longshore.errors" and cls.__name__ == "LongshoreError"
        for cls in type(error).__mro__
    )


def _unexpected(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}\nthis was not foreseen: please report it, with what --traceback shows"


def _tell(message: str, kind: str, code: int, as_json: bool, detail: str = "") -> None:
    lines = message.strip().splitlines() or [kind]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], "…"]
    if as_json:
        body = {"kind": kind, "message": message.strip(), "exit_code": code}
        if detail:
            body["detail"] = detail
        click.echo(json.dumps({"error": body}, ensure_ascii=False))
    first, *rest = lines
    text = "\n".join(
        [click.style("error", fg="red", bold=True) + f": {first}", *(f"  {line}" for line in rest)]
    )
    click.echo(text, err=True, color=color_wanted())
    if detail:
        click.echo(detail.rstrip(), err=True)
