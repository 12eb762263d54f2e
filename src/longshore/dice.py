"""Chance, for pauses and jitter: a generator of our own.

The global one of `random` belongs to the program: it may have seeded it, and a thread of ours that drew from it would
change what the program draws next.
"""

from __future__ import annotations

import os
import random

_dice = random.Random()

#: a float in [0, 1)
chance = _dice.random
#: a float between two others
between = _dice.uniform

if hasattr(os, "register_at_fork"):
    # A child that went on with the parent's numbers would pause in step with it.
    os.register_at_fork(after_in_child=_dice.seed)
