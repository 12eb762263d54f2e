"""Fixtures of the tests of schedules in an app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stage import Stage


@pytest.fixture
def stage(url: str) -> Iterator[Stage]:
    stage = Stage(url)
    yield stage
    stage.app.close()
