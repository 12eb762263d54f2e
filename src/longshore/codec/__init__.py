"""What arguments and results look like in the store: msgpack, checked against the declared types. Never pickle."""

from longshore.codec.result import ResultCodec, decode_result
from longshore.codec.wire import Undecodable, describe

__all__ = ["ResultCodec", "Undecodable", "decode_result", "describe"]
