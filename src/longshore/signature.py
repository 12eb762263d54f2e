"""A task's signature: binds a call, checks it, stores it, and reads it back in the worker.

A call is stored as the map of the arguments that were given, by name. The function itself applies its defaults, when it
runs. So a release may add parameters with defaults, and reorder parameters, while jobs of the release before are
waiting; an argument the function no longer has is an error, never dropped.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import GenericAlias
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from longshore.codec import tags
from longshore.codec.confirm import confirm
from longshore.codec.foreign import dec_hook, enc_hook
from longshore.codec.mismatch import Mismatch
from longshore.codec.result import ResultCodec
from longshore.codec.shape import AnyShape, Shape
from longshore.codec.types import Unsupported, shape_of
from longshore.codec.wire import DECLARED, Undecodable, check_format, describe, read
from longshore.errors import ArgumentError, NotEncodable, TaskError
from longshore.parameters import (
    KEYWORD_ONLY,
    NOT_GIVEN,
    POSITIONAL,
    POSITIONAL_ONLY,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    Unresolved,
    is_context,
    resolve,
    signature_of,
)
from longshore.suggest import did_you_mean

_VARIABLE: Final = (VAR_POSITIONAL, VAR_KEYWORD)
_in_order: Final = msgspec.msgpack.Encoder(enc_hook=enc_hook, order="deterministic").encode


class Argument(NamedTuple):
    """One parameter that a call can give: its resolved annotation and what that means for the store."""

    name: str
    annotation: Any
    shape: Shape
    required: bool


class Plan(NamedTuple):
    """What is built from the annotations, at first use at the latest.

    ``struct`` binds as Python does; ``decode`` reads bytes into it and checks; ``shaped`` are the arguments that msgspec
    alone cannot do and that stand in the struct in their stored form.
    """

    struct: type[msgspec.Struct]
    decode: Callable[[bytes], Any]
    arguments: Sequence[Argument]
    shaped: Sequence[Argument]
    checked: bool
    result: ResultCodec


class Signature:
    """The signature of ``fn``, for the task called ``name``. ``bound``: skip the first parameter, the instance.

    TaskError: a parameter whose type has no stored form. An annotation that names something not defined yet is looked
    up again at first use.
    """

    def __init__(self, fn: Callable[..., Any], name: str, *, bound: bool = False) -> None:
        self.fn = fn
        self.name = name
        written = signature_of(fn)
        parameters = list(written.parameters.values())[1 if bound else 0 :]
        contexts = [p.name for p in parameters if p.kind not in _VARIABLE and is_context(fn, p.annotation)]
        #: Name of the parameter that gets the Context, None if there is none.
        self.context: str | None = contexts[0] if contexts else None
        self._all = parameters
        self._parameters = [p for p in parameters if p.name != self.context]
        self._written = written.replace(parameters=self._parameters)
        kinds = {p.kind for p in self._parameters}
        self._simple = kinds <= {POSITIONAL, KEYWORD_ONLY}
        self._whole = kinds <= {POSITIONAL}
        self._plan: Plan | None = None
        with suppress(Unresolved):  # a class further down in the module; asked again at first use
            self._plan = self._build()

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """The stored form of a call.

        ArgumentError: an argument is missing, unknown or of the wrong type. NotEncodable: a value has no stored form.
        """
        plan = self._plan or self._built()
        try:
            given = plan.struct(*args, **kwargs) if self._simple else self._bind_variable(plan, args, kwargs)
        except TypeError:
            raise self._misfit(args, kwargs) from None
        try:
            for argument in plan.shaped:
                self._replace(given, argument)
            body = tags.encode(given)
            if not plan.checked or plan.decode(body) == given:
                return DECLARED + body
        except ArgumentError:
            raise
        except Exception:
            pass
        return self._bind_confirmed(plan, args, kwargs)

    def load(self, payload: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a stored call, to call the function with; without the Context, see `inject`.

        Undecodable: damaged bytes, or arguments that this version of the function does not take.
        """
        plan = self._plan or self._built()
        check_format(payload, DECLARED)
        try:
            given = read(payload, plan.decode)
        except Undecodable as error:
            raise self._unreadable(plan, payload, error) from None
        for argument in plan.shaped:
            stored = getattr(given, argument.name)
            if stored is not UNSET:
                try:
                    setattr(given, argument.name, argument.shape.load(stored))
                except Mismatch as misfit:
                    raise Undecodable(f"{self.name}() argument {misfit.under(argument.name)}") from None
        if self._whole:
            # Usually what is not given is at the end, and the rest goes by position.
            values = msgspec.structs.astuple(given)
            count = len(values)
            while count and values[count - 1] is UNSET:
                count -= 1
            for value in values[:count]:
                if value is UNSET:
                    break
            else:
                return values[:count], {}
        return self._call(given)

    def digest(self, payload: bytes) -> str:
        """A key made of a stored call: equal for equal arguments, in every process."""
        plan = self._plan or self._built()
        given = plan.decode(payload[1:])
        stored = {}
        for argument in plan.arguments:
            value = getattr(given, argument.name)
            if value is not UNSET:
                value = value if argument.shape.native else argument.shape.load(value)
                stored[argument.name] = argument.shape.dump(value, 0)
        return hashlib.blake2b(_in_order(stored), digest_size=16).hexdigest()

    def inject(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], context: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """These arguments with the Context in its place, if the function asks for it."""
        if self.context is None:
            return args, kwargs
        by_position = [p.name for p in self._all if p.kind in (POSITIONAL_ONLY, POSITIONAL)]
        place = by_position.index(self.context) if self.context in by_position else len(args) + 1
        if place <= len(args):
            return (*args[:place], context, *args[place:]), kwargs
        return args, {**kwargs, self.context: context}

    @property
    def result(self) -> ResultCodec:
        """How results are stored."""
        return (self._plan or self._built()).result

    def _bind_variable(self, plan: Plan, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return plan.struct(**self._written.bind(*args, **kwargs).arguments)

    def _replace(self, given: Any, argument: Argument) -> None:
        value = getattr(given, argument.name)
        if value is not UNSET:
            setattr(given, argument.name, self._stored(argument, value))

    def _stored(self, argument: Argument, value: Any) -> Any:
        try:
            if isinstance(argument.shape, AnyShape):
                return argument.shape.dump(value, 0)
            return confirm(value, argument.annotation, argument.shape)
        except Mismatch as misfit:
            kind = ArgumentError if misfit.storable else NotEncodable
            raise kind(f"{self.name}() argument {misfit.under(argument.name)}") from None

    def _bind_confirmed(self, plan: Plan, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """The second look, argument by argument: raises for the first that is wrong."""
        bound = self._written.bind(*args, **kwargs).arguments
        stored = {a.name: self._stored(a, bound[a.name]) for a in plan.arguments if a.name in bound}
        return DECLARED + tags.encode(stored)

    def _unreadable(self, plan: Plan, payload: bytes, error: Undecodable) -> Undecodable:
        """Why a stored call cannot be made: the function has changed since, or the bytes are damaged."""
        stored = describe(payload)
        if not isinstance(stored, dict):
            return Undecodable(f"{self.name}(): what is stored are no arguments")
        known = {argument.name for argument in plan.arguments}
        removed = [name for name in stored if name not in known]
        if removed:
            return Undecodable(
                f'{self.name}() was enqueued with an argument "{removed[0]}", which it does not have here'
            )
        added = [
            argument.name for argument in plan.arguments if argument.required and argument.name not in stored
        ]
        if added:
            return Undecodable(
                f'{self.name}() was enqueued without an argument "{added[0]}", which it needs here'
            )
        return Undecodable(f"{self.name}(): {error}")

    def _call(self, given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        # By position only where it must be: up to the last parameter that takes nothing else.
        by_position = not self._simple
        for parameter in self._parameters:
            name, kind = parameter.name, parameter.kind
            value = getattr(given, name)
            if value is UNSET:
                by_position = False
            elif kind is VAR_POSITIONAL:
                args.extend(value)
            elif kind is VAR_KEYWORD:
                kwargs.update(value)
            elif kind is POSITIONAL_ONLY or (by_position and kind is POSITIONAL):
                args.append(value)
            else:
                kwargs[name] = value
        return tuple(args), kwargs

    def _built(self) -> Plan:
        try:
            self._plan = self._build()
        except Unresolved as error:
            raise TaskError(
                f'task "{self.name}": cannot resolve an annotation: {error}.\n'
                "Import what it names at run time, not under TYPE_CHECKING, and define it at module level."
            ) from None
        return self._plan

    def _build(self) -> Plan:
        arguments = [self._argument(parameter) for parameter in self._parameters]
        struct = self._struct(arguments)
        return Plan(
            struct=struct,
            decode=msgspec.msgpack.Decoder(struct, dec_hook=dec_hook, ext_hook=tags.ext_hook).decode,
            arguments=arguments,
            shaped=[argument for argument in arguments if not argument.shape.native],
            checked=any(argument.shape.native for argument in arguments),
            result=self._result(),
        )

    def _argument(self, parameter: inspect.Parameter) -> Argument:
        annotation = self._resolve(parameter.name, parameter.annotation)
        if parameter.kind is VAR_POSITIONAL:
            annotation = GenericAlias(tuple, (annotation, ...))
        elif parameter.kind is VAR_KEYWORD:
            annotation = GenericAlias(dict, (str, annotation))
        required = parameter.default is NOT_GIVEN and parameter.kind not in _VARIABLE
        try:
            return Argument(parameter.name, annotation, shape_of(annotation), required)
        except Unsupported as error:
            raise TaskError(f'task "{self.name}": parameter "{parameter.name}": {error}') from None
        except NameError as error:
            raise Unresolved(f'parameter "{parameter.name}": {error}') from None

    def _resolve(self, name: str, annotation: Any) -> Any:
        try:
            return resolve(self.fn, annotation)
        except Unresolved as error:
            raise Unresolved(f'parameter "{name}": {error}') from None

    def _struct(self, arguments: Sequence[Argument]) -> type[msgspec.Struct]:
        keyword = {p.name for p in self._parameters if p.kind is KEYWORD_ONLY}
        fields: dict[bool, list[Any]] = {True: [], False: []}
        for argument in arguments:
            annotation = argument.annotation if argument.shape.native else Any
            required: tuple[Any, ...] = (argument.name, annotation)
            optional: tuple[Any, ...] = (
                argument.name,
                annotation | UnsetType if annotation is not Any else Any,
                UNSET,
            )
            fields[argument.name in keyword].append(required if argument.required else optional)
        # Positional ones in a base: a struct has its keyword-only fields all at once.
        positional = msgspec.defstruct("Positional", fields[False], forbid_unknown_fields=True)
        return msgspec.defstruct(
            "Arguments", fields[True], bases=(positional,), kw_only=True, forbid_unknown_fields=True
        )

    def _result(self) -> ResultCodec:
        try:
            annotation = resolve(self.fn, self._written.return_annotation)
            return ResultCodec(annotation, shape_of(annotation))
        except (Unresolved, NameError):
            return ResultCodec()  # named for type checkers only: the result describes itself
        except Unsupported as error:
            raise TaskError(f'task "{self.name}": its result: {error}') from None

    def _misfit(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ArgumentError:
        """What Python would say about this call, with the argument's name."""
        by_position = [p.name for p in self._parameters if p.kind in (POSITIONAL_ONLY, POSITIONAL)]
        by_name = [p.name for p in self._parameters if p.kind in (POSITIONAL, KEYWORD_ONLY)]
        required = [p.name for p in self._parameters if p.default is NOT_GIVEN and p.kind not in _VARIABLE]
        kinds = {p.kind for p in self._parameters}
        if len(args) > len(by_position) and VAR_POSITIONAL not in kinds:
            text = f"takes {len(by_position)} positional arguments, got {len(args)}"
            return ArgumentError(f"{self.name}() {text}")
        taken = set(by_position[: len(args)])
        for name in kwargs:
            if name in taken and name in by_name:
                return ArgumentError(f'{self.name}() got argument "{name}" twice')
            if name not in by_name and VAR_KEYWORD not in kinds:
                return ArgumentError(f'{self.name}() has no argument "{name}"{did_you_mean(name, by_name)}')
        missing = [name for name in required if name not in taken and name not in kwargs]
        listed = ", ".join(f'"{name}"' for name in missing)
        return ArgumentError(f"{self.name}() missing argument{'s' if len(missing) > 1 else ''} {listed}")
