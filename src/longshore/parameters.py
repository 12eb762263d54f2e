"""The parameters of a task's function: their kinds, their annotations resolved, and which of them is the Context."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable
from typing import Any, Final

POSITIONAL_ONLY: Final = inspect.Parameter.POSITIONAL_ONLY
POSITIONAL: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD
VAR_POSITIONAL: Final = inspect.Parameter.VAR_POSITIONAL
KEYWORD_ONLY: Final = inspect.Parameter.KEYWORD_ONLY
VAR_KEYWORD: Final = inspect.Parameter.VAR_KEYWORD
VARIABLE: Final = (VAR_POSITIONAL, VAR_KEYWORD)
NOT_GIVEN: Final = inspect.Parameter.empty


class Unresolved(Exception):
    """An annotation names something that does not exist yet, or only for type checkers."""


def signature_of(fn: Callable[..., Any]) -> inspect.Signature:
    """The signature as written, annotations unresolved. ValueError, TypeError: there is none."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(fn, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(fn)


def resolve(fn: Callable[..., Any], annotation: Any) -> Any:
    """The annotation with every name looked up where the function was written. Unresolved: a name leads nowhere."""
    if annotation is NOT_GIVEN:
        return Any
    origin = inspect.unwrap(fn)
    origin = getattr(origin, "__func__", origin)
    namespace = getattr(origin, "__globals__", None)
    if namespace is None:
        namespace = vars(sys.modules.get(getattr(origin, "__module__", ""), sys))

    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    try:
        return typing.get_type_hints(holder, namespace, _enclosed(origin), include_extras=True)["it"]
    except NameError as error:
        raise Unresolved(str(error)) from None


def _enclosed(fn: Any) -> dict[str, Any]:
    """Names of the enclosing function that ``fn`` itself uses, and its type parameters."""
    names = {variable.__name__: variable for variable in getattr(fn, "__type_params__", ())}
    code, cells = getattr(fn, "__code__", None), getattr(fn, "__closure__", None)
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return names


def is_context(fn: Callable[..., Any], annotation: Any) -> bool:
    """Whether a parameter asks for the Context, also where that is imported for type checkers only."""
    try:
        resolved = resolve(fn, annotation)
    except Unresolved:
        return _says_context(annotation)
    return any(_is_context_class(part) for part in (resolved, *typing.get_args(resolved)))


def _is_context_class(cls: Any) -> bool:
    # By name: this file is below the one that defines it.
    return (
        getattr(cls, "__module__", "") == "longshore.context"
        and getattr(cls, "__qualname__", "") == "Context"
    )


def _says_context(annotation: Any) -> bool:
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return False
    text = text.replace(" ", "").removesuffix("|None").removeprefix("None|")
    text = text.removeprefix("typing.").removeprefix("Optional[").removesuffix("]")
    return text.rpartition(".")[2] == "Context"
