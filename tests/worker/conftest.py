"""A place for the zoo, for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from zoo_place import Zoo


@pytest.fixture
def zoo_of(tmp_path: Path) -> Iterator[Zoo]:
    with ExitStack() as stack:
        yield Zoo(tmp_path, stack)
