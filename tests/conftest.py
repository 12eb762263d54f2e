"""Fixtures for everybody. ``url`` gives each store in turn: whoever asks for it is run once a store."""

from __future__ import annotations

import logging
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore import App
from longshore.worker import ticker
from servers import postgres
from servers.shared import in_namespace


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return postgres.place(f"t{secrets.token_hex(8)}")
    if request.param == "redis":
        return in_namespace(str(tmp_path))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def app(url: str) -> Iterator[App]:
    app = App(url)
    yield app
    app.close()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a program under test sets up for its own log, in this process, ends with the test."""
    loggers = [
        logging.getLogger(name) for name in (None, "longshore", "longshore.worker", "huey.consumer.logger")
    ]
    before = [(one, one.level, list(one.handlers)) for one in loggers]
    yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers[:] = handlers


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers in this process follow new schedules after a moment. The tests of the ticker keep to its second."""
    monkeypatch.setattr(ticker, "SETTLE", 0.05)


def pytest_configure(config: pytest.Config) -> None:
    # A shell that runs us in the background has us ignore Ctrl+C, and every program under test would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        postgres.begin_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.end_session()
