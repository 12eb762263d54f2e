"""A task's signature: how its calls are bound, checked, stored and read back."""

from longshore.signature.core import Signature

__all__ = ["Signature"]
