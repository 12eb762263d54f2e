"""Results: stored as their declared type asks for, else as values that describe themselves."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from longshore.codec import tags
from longshore.codec.confirm import confirm
from longshore.codec.hooks import dec_hook, encode
from longshore.codec.mismatch import Mismatch
from longshore.codec.shape import AnyShape, Shape
from longshore.codec.wire import DECLARED, DESCRIBED, Undecodable, check_format, describe, read
from longshore.errors import NotEncodable

_NONE: Final = DESCRIBED + tags.encode(None)


class ResultCodec:
    """Encodes and decodes what one task returns, by the annotation of that and its shape."""

    def __init__(self, annotation: Any = Any, shape: Shape | None = None) -> None:
        self._annotation = annotation
        self._shape = shape or AnyShape()
        self._described = isinstance(self._shape, AnyShape)
        native = self._shape.native
        self._decoder = (
            msgspec.msgpack.Decoder(annotation, dec_hook=dec_hook, ext_hook=tags.ext_hook) if native else None
        )

    def encode(self, value: Any) -> bytes:
        """Stored form of a result. NotEncodable: it has none.

        A result that is not of its declared type is stored all the same if it describes itself: the work is done, and
        failing the job now would only do it again.
        """
        if value is None:
            return _NONE
        if self._described:
            return self._encode_described(value, None)
        if self._decoder is not None:
            try:
                body = encode(value)
                if self._decoder.decode(body) == value:
                    return DECLARED + body
            except Exception:
                pass
        try:
            if self._shape.certain and not self._shape.native:
                return DECLARED + encode(self._shape.dump(value, 0))
            return DECLARED + encode(confirm(value, self._annotation, self._shape))
        except Mismatch as misfit:
            return self._encode_described(value, misfit)

    def decode(self, payload: bytes) -> Any:
        """The result again. Undecodable: damaged, or the declared type has changed."""
        if check_format(payload, DECLARED, DESCRIBED) == DESCRIBED:
            return read(payload, tags.decode)
        if self._decoder is not None:
            return read(payload, self._decoder.decode)
        stored = read(payload, tags.decode)
        try:
            return self._shape.load(stored)
        except Mismatch as misfit:
            raise Undecodable(f"stored result does not fit its declared type: {misfit}") from None

    def _encode_described(self, value: Any, declared: Mismatch | None) -> bytes:
        try:
            return DESCRIBED + tags.encode(tags.pack(value))
        except Mismatch as misfit:
            told = declared or misfit
            raise NotEncodable(f"the result cannot be stored: {told.under('result')}") from None


def decode_result(payload: bytes | None) -> Any:
    """A result without its task: declared types stay plain, a dataclass is a dict. Undecodable: damaged."""
    return None if payload is None else describe(payload)
