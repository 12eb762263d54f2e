"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_shop import TASKS, Said, Shop

from longshore import App


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Shop]:
    """An empty folder."""
    shop = Shop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def shop(bare: Shop) -> Shop:
    """A folder with a tasks.py, whose app keeps its jobs in jobs.db there."""
    bare.write("tasks.py", TASKS)
    return bare


@pytest.fixture
def store(shop: Shop) -> Iterator[App]:
    """The shop's jobs, looked at from here."""
    app = App(shop.url)
    yield app
    app.close()


@pytest.fixture
def refused() -> Callable[..., None]:
    """Checks an error: its exit code, at most eight lines, no traceback, and the words that name value and fix."""

    def check(said: Said, code: int, *words: str) -> None:
        assert said.code == code, said
        assert "Traceback" not in said.err + said.out, said
        assert len(said.error.splitlines()) <= 8, said
        for word in words:
            assert word in said.error, (word, said)

    return check
