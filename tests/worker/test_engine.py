"""The engine's promises, on every store. `tests/test_faults.py` shows that each of these checks can fail."""

from __future__ import annotations

import pytest

from engine_checks import CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_the_engine(name: str, url: str) -> None:
    CHECKS[name](url)
