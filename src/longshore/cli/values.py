"""Arguments typed on a command line, made into what a task's signature asks for."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from longshore.cli.exits import USAGE, Problem
from longshore.codec.hooks import dec_hook
from longshore.parameters import VAR_KEYWORD, VAR_POSITIONAL, Unresolved, resolve, signature_of
from longshore.signature import Signature

_STARS: Final[dict[object, str]] = {VAR_POSITIONAL: "*", VAR_KEYWORD: "**"}


def arguments(
    signature: Signature, pairs: Sequence[str], raw: str | None
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments of ``key=value`` words, or of ``--args``: a JSON list or object.

    Each becomes what its parameter is annotated with, where that can be told; what remains wrong is said at enqueue.
    """
    if pairs and raw is not None:
        raise Problem("give the arguments as key=value or with --args, not both")
    types = _annotations(signature)
    if raw is None:
        return [], dict(_pair(word, types) for word in pairs)
    given = _parsed(raw)
    if isinstance(given, dict):
        return [], {name: _fitted(value, types.get(name, Any)) for name, value in given.items()}
    order = [annotation for name, annotation in types.items() if not name.startswith("*")]
    order += [Any] * (len(given) - len(order))
    return [_fitted(value, annotation) for value, annotation in zip(given, order, strict=False)], {}


def _pair(word: str, types: dict[str, Any]) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name.isidentifier():
        raise Problem(
            f'"{word}" is not key=value\nwrite name=value, or all at once: --args \'{{"name": "value"}}\''
        )
    annotation = types.get(name, types.get("**", Any))
    try:
        value = json.loads(text)
    except ValueError:
        return name, _fitted(text, annotation)
    fitted = _fitted(value, annotation)
    # A text parameter means the text as typed: zip=01234 or name=true are no number and no truth.
    if (
        not isinstance(value, str)
        and fitted is value
        and not _fits(value, annotation)
        and _fits(text, annotation)
    ):
        return name, text
    return name, fitted


def _fitted(value: Any, annotation: Any) -> Any:
    """The value converted to the annotation; itself where that cannot be done."""
    if annotation is Any:
        return value
    try:
        return msgspec.convert(value, annotation, strict=True, dec_hook=dec_hook)
    except Exception:
        return value


def _fits(value: Any, annotation: Any) -> bool:
    if annotation is Any:
        return True
    try:
        msgspec.convert(value, annotation, strict=True, dec_hook=dec_hook)
    except Exception:
        return False
    return True


def _parsed(raw: str) -> Any:
    text = raw
    if raw == "-":
        text = sys.stdin.read()
    elif raw.startswith("@"):
        try:
            text = Path(raw[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Problem(f"--args {raw}: the file cannot be read: {error}") from None
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Problem(f"--args is no JSON: {error}\nwrite a list or an object: --args '[1, \"a\"]'") from None
    if not isinstance(given, (list, dict)):
        raise Problem(
            f"--args is {json.dumps(given)[:80]}; write a list or an object: --args '[1, \"a\"]'", USAGE
        )
    return given


def _annotations(signature: Signature) -> dict[str, Any]:
    """Parameter → resolved annotation; ``**`` for the rest. Any where it cannot be told."""
    found: dict[str, Any] = {}
    for parameter in signature_of(signature.fn).parameters.values():
        if parameter.name in ("self", signature.context):
            continue
        try:
            annotation = resolve(signature.fn, parameter.annotation)
        except Unresolved:
            annotation = Any
        found[_STARS.get(parameter.kind, "") or parameter.name] = annotation
    return found
