"""What is built once from a function's annotations: a msgspec struct that binds, checks and reads its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import GenericAlias
from typing import Any, NamedTuple, Unpack, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from longshore.codec import tags
from longshore.codec.hooks import dec_hook
from longshore.codec.result import ResultCodec
from longshore.codec.shape import NoShape, Shape
from longshore.codec.types import Unsupported, shape_of
from longshore.errors import TaskError
from longshore.parameters import (
    KEYWORD_ONLY,
    NOT_GIVEN,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    VARIABLE,
    Unresolved,
    resolve,
)


class Argument(NamedTuple):
    """One parameter that a call can give: its resolved annotation and what that means for the store."""

    name: str
    annotation: Any
    shape: Shape
    required: bool


class Plan(NamedTuple):
    """What is built from the annotations, at first use at the latest.

    ``struct`` binds as Python does; ``decode`` reads bytes into it and checks; ``shaped`` are the arguments that msgspec
    alone cannot do and that stand in the struct in their stored form; ``demanding``: some argument must be given.
    """

    struct: type[msgspec.Struct]
    decode: Callable[[bytes], Any]
    arguments: Sequence[Argument]
    shaped: Sequence[Argument]
    demanding: bool
    checked: bool
    result: ResultCodec


def build(fn: Callable[..., Any], name: str, parameters: Sequence[inspect.Parameter], returns: Any) -> Plan:
    """The plan of a function with these parameters, of the task called ``name``.

    Unresolved: an annotation names something that is not there (yet). TaskError: a type has no stored form.
    """
    arguments = [_argument(fn, name, parameter) for parameter in parameters]
    struct = _struct(arguments, {p.name for p in parameters if p.kind is KEYWORD_ONLY})
    return Plan(
        struct=struct,
        decode=msgspec.msgpack.Decoder(struct, dec_hook=dec_hook, ext_hook=tags.ext_hook).decode,
        arguments=arguments,
        shaped=[argument for argument in arguments if not argument.shape.native],
        demanding=any(argument.required for argument in arguments),
        checked=any(argument.shape.native for argument in arguments),
        result=_result(fn, name, returns),
    )


def _argument(fn: Callable[..., Any], name: str, parameter: inspect.Parameter) -> Argument:
    if parameter.name.startswith("__"):
        raise TaskError(
            f'task "{name}": parameter "{parameter.name}": begin its name with one underscore at most'
        )
    required = parameter.default is NOT_GIVEN and parameter.kind not in VARIABLE
    try:
        annotation = resolve(fn, parameter.annotation)
        if parameter.kind is VAR_POSITIONAL:
            annotation = GenericAlias(tuple, (annotation, ...))
        elif parameter.kind is VAR_KEYWORD:
            annotation = _keywords(annotation)
        return Argument(parameter.name, annotation, shape_of(annotation), required)
    except Unsupported as error:
        if parameter.default is not NOT_GIVEN:
            return Argument(parameter.name, Any, NoShape(str(error)), required)
        raise TaskError(f'task "{name}": parameter "{parameter.name}": {error}') from None
    except (Unresolved, NameError) as error:
        raise Unresolved(f'parameter "{parameter.name}": {error}') from None


def _keywords(annotation: Any) -> Any:
    """``**kwargs: str`` is a dict of strings; ``**kwargs: Unpack[Options]`` is the typed dict itself."""
    if get_origin(annotation) is Unpack:
        return get_args(annotation)[0]
    return GenericAlias(dict, (str, annotation))


def _struct(arguments: Sequence[Argument], keyword: set[str]) -> type[msgspec.Struct]:
    fields: dict[bool, list[Any]] = {True: [], False: []}
    for argument in arguments:
        annotation = argument.annotation if argument.shape.native else Any
        required: tuple[Any, ...] = (argument.name, annotation)
        optional: tuple[Any, ...] = (
            argument.name,
            Any if annotation is Any else annotation | UnsetType,
            UNSET,
        )
        fields[argument.name in keyword].append(required if argument.required else optional)
    # Positional ones in a base: a struct has its keyword-only fields all at once.
    positional = msgspec.defstruct("Positional", fields[False])
    return msgspec.defstruct(
        "Arguments", fields[True], bases=(positional,), kw_only=True, forbid_unknown_fields=True
    )


def _result(fn: Callable[..., Any], name: str, returns: Any) -> ResultCodec:
    try:
        annotation = resolve(fn, returns)
        return ResultCodec(annotation, shape_of(annotation))
    except (Unresolved, NameError):
        return ResultCodec()  # named for type checkers only: the result describes itself
    except Unsupported as error:
        raise TaskError(f'task "{name}": its result: {error}') from None
