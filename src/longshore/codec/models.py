"""pydantic models: stored as the map of their fields, read back through their own validation."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from longshore.codec.foreign import Foreign
from longshore.codec.tags import pack_lenient

if TYPE_CHECKING:
    from pydantic import BaseModel


def model_form(cls: type[BaseModel]) -> Foreign:
    """The stored form of one model class. Fields keep their Python types, so a strict model can read them too."""
    # Aliases are for the outside world. Where pydantic (2.11) can be told so, fields go by their own names.
    by_name: dict[str, Any] = {}
    if "by_name" in inspect.signature(cls.model_validate).parameters:
        by_name = {"by_name": True}

    def plain(model: BaseModel) -> Any:
        return pack_lenient(model.model_dump(round_trip=True, by_alias=not by_name))

    def revive(stored: Any) -> BaseModel:
        try:
            return cls.model_validate(stored, **by_name)
        except ValueError as error:
            raise ValueError(_complaints(error)) from None

    return Foreign(cls.__qualname__, plain, revive)


def _complaints(error: ValueError) -> str:
    """What pydantic complains about, on one line and without the values: those are the user's, and this may be logged."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    found = errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found]
    return "; ".join(told[:3]) + ("; ..." if len(told) > 3 else "")
