"""Calls that do not fit a function, and what to say about them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from longshore.codec import Undecodable, describe
from longshore.errors import ArgumentError
from longshore.parameters import (
    KEYWORD_ONLY,
    NOT_GIVEN,
    POSITIONAL,
    POSITIONAL_ONLY,
    VAR_KEYWORD,
    VAR_POSITIONAL,
    VARIABLE,
)
from longshore.signature.plan import Plan
from longshore.suggest import did_you_mean


def misfit(
    task: str, parameters: Sequence[inspect.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> ArgumentError:
    """What Python would say about this call, with the argument's name."""
    by_position = [p.name for p in parameters if p.kind in (POSITIONAL_ONLY, POSITIONAL)]
    by_name = [p.name for p in parameters if p.kind in (POSITIONAL, KEYWORD_ONLY)]
    kinds = {p.kind for p in parameters}
    if len(args) > len(by_position) and VAR_POSITIONAL not in kinds:
        count = len(by_position)
        return ArgumentError(
            f"{task}() takes {count} positional argument{'s' * (count != 1)}, got {len(args)}"
        )
    taken = set(by_position[: len(args)])
    for name in kwargs:
        if name in taken and name in by_name:
            return ArgumentError(f'{task}() got argument "{name}" twice')
        if name not in by_name and VAR_KEYWORD not in kinds:
            return ArgumentError(f'{task}() has no argument "{name}"{did_you_mean(str(name), by_name)}')
    required = [p for p in parameters if p.default is NOT_GIVEN and p.kind not in VARIABLE]
    missing = [
        p.name
        for p in required
        if p.name not in taken and (p.kind is POSITIONAL_ONLY or p.name not in kwargs)
    ]
    listed = ", ".join(f'"{name}"' for name in missing)
    return ArgumentError(f"{task}() missing argument{'s' * (len(missing) > 1)} {listed}")


def unreadable(task: str, plan: Plan, payload: bytes, error: Undecodable) -> Undecodable:
    """Why a stored call cannot be made: the function has changed since, or the bytes are damaged."""
    stored = describe(payload)
    if not isinstance(stored, dict):
        return Undecodable(f"{task}(): what is stored are no arguments")
    known = {argument.name for argument in plan.arguments}
    removed = [name for name in stored if name not in known]
    if removed:
        return Undecodable(
            f'{task}() was enqueued with an argument "{removed[0]}", which it does not have here'
        )
    added = [
        argument.name for argument in plan.arguments if argument.required and argument.name not in stored
    ]
    if added:
        return Undecodable(f'{task}() was enqueued without an argument "{added[0]}", which it needs here')
    return Undecodable(f"{task}(): {error}")
