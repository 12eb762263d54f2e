"""How many jobs came to what."""

from __future__ import annotations

from collections import Counter
from typing import Final

#: in the order of the last line; the first four are always told
_WORDS: Final = (
    ("done", "done"),
    ("retry", "retried"),
    ("failed", "failed"),
    ("released", "handed back"),
    ("cancelled", "cancelled"),
    ("snoozed", "snoozed"),
    ("blocked", "of unknown tasks"),
    ("crashed", "crashed"),
    ("held", "held"),
    ("refused", "refused"),
)
_ALWAYS: Final = 4


def tally_text(tally: Counter[str]) -> str:
    """``41 done · 1 retried · 0 failed · 0 handed back``, and what else there was."""
    return " · ".join(
        f"{tally[verb]:,} {word}"
        for index, (verb, word) in enumerate(_WORDS)
        if tally[verb] or index < _ALWAYS
    )
