"""What msgspec asks about classes it does not know.

pydantic models are among those it can be told about, once the user's own program has imported pydantic: nothing here does.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

import msgspec

from longshore.codec.foreign import KNOWN, Foreign
from longshore.codec.mismatch import type_name
from longshore.codec.models import model_form


def _is_model(cls: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, getattr(pydantic, "BaseModel", ()))


_form: Final = cache(model_form)


def foreign(cls: Any) -> Foreign | None:
    """How objects of exactly this class are stored, None where that is not known."""
    known = KNOWN.get(cls)
    return _form(cls) if known is None and _is_model(cls) else known


def enc_hook(value: Any) -> Any:
    """How is an object of a class unknown to msgspec stored?"""
    form = foreign(type(value))
    if form is None:
        raise NotImplementedError(f"{type_name(type(value))} has no stored form")
    return form.plain(value)


def dec_hook(cls: type, stored: Any) -> Any:
    """How is an object of this class made from what was stored?"""
    form = foreign(cls)
    if form is None:
        raise NotImplementedError(f"{type_name(cls)} has no stored form")
    return form.revive(stored)


encode: Final = msgspec.msgpack.Encoder(enc_hook=enc_hook).encode
