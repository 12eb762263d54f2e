"""Refusing arguments that would only fail later, or never."""

from __future__ import annotations


def check_count(name: str, value: int, least: int) -> None:
    """Raise TypeError unless `value` is an int, ValueError if it is below `least`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def check_seconds(name: str, value: float | None) -> None:
    """Raise TypeError unless `value` is a number or None, ValueError if it is negative or not a number at all."""
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number of seconds or None, not {value!r}")
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, and is {value}")
