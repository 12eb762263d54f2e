"""A task's signature: binds a call, checks it, stores it, and reads it back in the worker.

A call is stored as the map of the arguments that were given, by name. The function itself applies its defaults, when it
runs. So a release may add parameters with defaults, and reorder parameters, while jobs of the release before are
waiting; an argument the function no longer has is an error, never dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import UNSET

from longshore.codec import ResultCodec, Undecodable
from longshore.codec.confirm import confirm
from longshore.codec.hooks import enc_hook, encode
from longshore.codec.mismatch import Mismatch
from longshore.codec.wire import DECLARED, check_format, read
from longshore.errors import ArgumentError, NotEncodable, TaskError
from longshore.parameters import (
    KEYWORD_ONLY,
    POSITIONAL,
    POSITIONAL_ONLY,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    VARIABLE,
    Unresolved,
    is_context,
    signature_of,
)
from longshore.signature.misfit import misfit, unreadable
from longshore.signature.plan import Argument, Plan, build

#: A stored call without arguments.
_NOTHING_GIVEN: Final = DECLARED + encode({})
_in_order: Final = msgspec.msgpack.Encoder(enc_hook=enc_hook, order="deterministic").encode


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
        contexts = [p.name for p in parameters if p.kind not in VARIABLE and is_context(fn, p.annotation)]
        #: Name of the parameter that gets the Context, None if there is none.
        self.context: str | None = contexts[0] if contexts else None
        self._all = parameters
        self._parameters = [p for p in parameters if p.name != self.context]
        self._returns = written.return_annotation
        self._by_position = [p.name for p in self._parameters if p.kind in (POSITIONAL_ONLY, POSITIONAL)]
        self._by_name = {p.name for p in self._parameters if p.kind in (POSITIONAL, KEYWORD_ONLY)}
        self._rest = next((p.name for p in self._parameters if p.kind is VAR_POSITIONAL), None)
        self._named = next((p.name for p in self._parameters if p.kind is VAR_KEYWORD), None)
        kinds = {p.kind for p in self._parameters}
        self._simple = kinds <= {POSITIONAL, KEYWORD_ONLY}
        self._whole = kinds <= {POSITIONAL}
        self._plan: Plan | None = None
        with suppress(Unresolved):  # a class further down in the module; asked again at first use
            self._plan = build(self.fn, self.name, self._parameters, self._returns)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """The stored form of a call.

        ArgumentError: an argument is missing, unknown or of the wrong type. NotEncodable: a value has no stored form.
        """
        plan = self._plan or self._built()
        try:
            given = plan.struct(*args, **kwargs) if self._simple else plan.struct(**self._bound(args, kwargs))
        except TypeError:
            raise misfit(self.name, self._parameters, args, kwargs) from None
        try:
            for argument in plan.shaped:
                self._replace(given, argument)
            body = encode(given)
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
        if payload == _NOTHING_GIVEN and not plan.demanding:
            return (), {}
        check_format(payload, DECLARED)
        try:
            given = read(payload, plan.decode)
        except Undecodable as error:
            raise unreadable(self.name, plan, payload, error) from None
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
    def names(self) -> list[str]:
        """The parameters that a call can give, in their order."""
        return [parameter.name for parameter in self._parameters]

    @property
    def result(self) -> ResultCodec:
        """How results are stored."""
        return (self._plan or self._built()).result

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by parameter, those of ``*args`` and ``**kwargs`` together. TypeError: one too many, or twice."""
        # Not inspect.Signature.bind: it takes longer, and in some Pythons takes positional-only parameters by name.
        if len(args) > len(self._by_position) and self._rest is None:
            raise TypeError("too many positional arguments")
        bound = dict(zip(self._by_position, args, strict=False))
        if len(args) > len(self._by_position) and self._rest is not None:
            bound[self._rest] = tuple(args[len(self._by_position) :])
        named = {}
        for name, value in kwargs.items():
            if name not in self._by_name:
                named[name] = value
            elif name in bound:
                raise TypeError("given twice")
            else:
                bound[name] = value
        if named:
            if self._named is None:
                raise TypeError("unknown argument")
            bound[self._named] = named
        return bound

    def _replace(self, given: Any, argument: Argument) -> None:
        value = getattr(given, argument.name)
        if value is not UNSET:
            setattr(given, argument.name, self._stored(argument, value))

    def _stored(self, argument: Argument, value: Any) -> Any:
        try:
            if argument.shape.certain and not argument.shape.native:
                return argument.shape.dump(value, 0)
            return confirm(value, argument.annotation, argument.shape)
        except Mismatch as misfit:
            kind = ArgumentError if misfit.storable else NotEncodable
            raise kind(f"{self.name}() argument {misfit.under(argument.name)}") from None

    def _bind_confirmed(self, plan: Plan, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
        """The second look, argument by argument: raises for the first that is wrong."""
        bound = self._bound(args, kwargs)
        stored = {a.name: self._stored(a, bound[a.name]) for a in plan.arguments if a.name in bound}
        return DECLARED + encode(stored)

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
            self._plan = build(self.fn, self.name, self._parameters, self._returns)
        except Unresolved as error:
            raise TaskError(
                f'task "{self.name}": cannot resolve an annotation: {error}.\n'
                "Import what it names at run time, not under TYPE_CHECKING, and define it at module level."
            ) from None
        return self._plan
