"""The third net on the servers, with several worker processes. The whole of it: ``pytest -m full tests/stores``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from longshore.testing import crash
from servers import postgres
from servers.shared import in_namespace

#: what every run tries: a death in the hot path, and in the rescue of others
SHORT = (("exchange.after_commit", 3), ("sweep.between", 1))


@pytest.fixture(params=["postgresql", "redis"])
def net(request: pytest.FixtureRequest, tmp_path: Path) -> crash.CrashNet:
    if request.param == "postgresql":
        return crash.CrashNet(postgres.place(f"c{secrets.token_hex(8)}"), tmp_path)
    return crash.CrashNet(in_namespace(str(tmp_path)), tmp_path)


def long(cases: Any, short: Any = ()) -> list[Any]:
    """Those that are not among the short ones are left out of every day's run."""
    return [pytest.param(*one, marks=() if one in short else pytest.mark.full) for one in cases]


@pytest.mark.parametrize(("point", "hit"), long(crash.KILLS, SHORT))
def test_three_workers_killed_anywhere_lose_nothing(net: crash.CrashNet, point: str, hit: int) -> None:
    net.kill_each(point, hit, workers=3)


@pytest.mark.full
@pytest.mark.parametrize(("point", "hit"), crash.KILLS)
def test_a_worker_killed_anywhere_loses_nothing(net: crash.CrashNet, point: str, hit: int) -> None:
    net.kill(point, hit)


@pytest.mark.parametrize("point", crash.PRODUCER_KILLS)
def test_a_producer_killed_keeps_what_was_acknowledged(net: crash.CrashNet, point: str) -> None:
    net.kill_producer(point)


@pytest.mark.parametrize(("point", "hit"), long(crash.PAUSES, [("settle.before", 2)]))
def test_a_worker_paused_beyond_its_lease_writes_nothing(net: crash.CrashNet, point: str, hit: int) -> None:
    net.pause(point, hit)


def test_workers_paused_in_their_jobs_are_refused_counted_and_logged(net: crash.CrashNet) -> None:
    net.pause_each(3)


def test_a_storm_of_kills(net: crash.CrashNet) -> None:
    net.storm(workers=3, kills=3, jobs=300)


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_long_storm_of_kills(net: crash.CrashNet) -> None:
    net.storm(workers=3, kills=100, jobs=20_000)
