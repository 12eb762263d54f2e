"""The second look at a value that compiled code refused or brought back different: what exactly is wrong with it?"""

from __future__ import annotations

from typing import Any

import msgspec

from longshore.codec import tags
from longshore.codec.hooks import dec_hook, encode
from longshore.codec.mismatch import Mismatch
from longshore.codec.same import same
from longshore.codec.shape import Shape, translated


def confirm(value: Any, annotation: Any, shape: Shape) -> Any:
    """What msgspec stores for ``value``. Mismatch: it does not fit its declared type, or would not come back the same."""
    stored = shape.dump(value, 0)
    if shape.native and _encodable(value):
        stored = value
    try:
        unchanged = same(value, _there_and_back(stored, annotation, shape))
    except Mismatch:
        raise
    except msgspec.ValidationError as error:
        raise translated(error) from None
    except Exception as error:
        text = f"has no stored form: {str(error)[:200]} ({type(error).__name__})"
        raise Mismatch(text, storable=False) from None
    if not unchanged:
        raise Mismatch(f"would not come back the same from the store ({shape.label})", storable=False)
    return stored


def _encodable(value: Any) -> bool:
    """Whether msgspec takes the value as it is: not, where a subclass of str or int is in it."""
    try:
        encode(value)
    except Exception:
        return False
    return True


def _there_and_back(stored: Any, annotation: Any, shape: Shape) -> Any:
    body = encode(stored)
    if shape.native:
        return msgspec.msgpack.decode(body, type=annotation, dec_hook=dec_hook, ext_hook=tags.ext_hook)
    return shape.load(tags.decode(body))
