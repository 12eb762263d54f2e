"""Fixtures for everybody. ``url`` gives each store in turn: whoever asks for it is run once a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore import App
from servers.shared import in_namespace


@pytest.fixture(params=["memory", "sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return in_namespace(str(tmp_path))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def app(url: str) -> Iterator[App]:
    app = App(url)
    yield app
    app.close()
