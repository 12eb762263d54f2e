"""Text with NUL in it, which PostgreSQL's text cannot hold.

Every other store holds it, so this one does too: NUL and the sign that marks it (U+001A, SUBSTITUTE) are written as two
characters. All other text, which is nearly all there ever is, is stored as it is.
"""

from __future__ import annotations

from typing import Final, overload

MARK: Final = "\x1a"


@overload
def stored(text: str) -> str: ...
@overload
def stored(text: None) -> None: ...
def stored(text: str | None) -> str | None:
    """How this text is written."""
    if text is None or ("\0" not in text and MARK not in text):
        return text
    return text.replace(MARK, MARK + "1").replace("\0", MARK + "0")


def read(text: str) -> str:
    """The text that was written so."""
    return text.replace(MARK + "0", "\0").replace(MARK + "1", MARK) if MARK in text else text
