"""Bytes in the store. The first one names the format, so that a later release can still read them.

1   msgpack of the values as their declared types ask for
2   msgpack of values that describe themselves (see `tags`)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from longshore.codec import tags
from longshore.codec.shape import translated
from longshore.errors import LongshoreError

DECLARED: Final = b"\x01"
DESCRIBED: Final = b"\x02"


class Undecodable(LongshoreError):
    """Stored bytes that this program cannot read: damaged, from a newer release, or of a type that has changed since."""


def read(payload: bytes, decode: Callable[[bytes], Any]) -> Any:
    """The value of ``payload`` without its first byte. Undecodable: whatever is wrong with it."""
    try:
        return decode(payload[1:])
    except msgspec.ValidationError as error:
        raise Undecodable(f"stored value does not fit its declared type: {translated(error)}") from None
    except RecursionError:
        raise Undecodable("stored value is nested too deeply") from None
    except Exception as error:
        # Damaged bytes reach the constructors of whatever type they seem to be, and those raise what they like.
        raise Undecodable(
            f"stored value cannot be read: {str(error)[:200]} ({type(error).__name__})"
        ) from None


def check_format(payload: bytes, *known: bytes) -> bytes:
    """The format byte. Undecodable: there is none, or none of ``known``."""
    first = payload[:1]
    if first not in known:
        found = f"format {first[0]}" if first else "nothing"
        raise Undecodable(f"stored value cannot be read: {found}, where this release knows formats 1 and 2")
    return first


def describe(payload: bytes) -> Any:
    """What a payload holds, for people: arguments as a dict by name. Without the task; declared types stay plain.

    Raises Undecodable.
    """
    check_format(payload, DECLARED, DESCRIBED)
    return read(payload, tags.decode)
