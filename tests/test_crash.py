"""The third net over the stores: killed, paused or frozen at every named point, nothing is lost or written late."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.failpoint import NAMES
from longshore.testing import crash


@pytest.fixture
def net(tmp_path: Path) -> crash.CrashNet:
    return crash.CrashNet(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path)


def test_the_net_covers_every_point() -> None:
    assert {point for point, _ in crash.KILLS} | set(crash.PRODUCER_KILLS) == set(NAMES)


@pytest.mark.parametrize(("point", "hit"), crash.KILLS)
def test_a_worker_killed_anywhere_loses_nothing(net: crash.CrashNet, point: str, hit: int) -> None:
    net.kill(point, hit)


@pytest.mark.parametrize("point", crash.PRODUCER_KILLS)
def test_a_producer_killed_keeps_what_was_acknowledged(net: crash.CrashNet, point: str) -> None:
    net.kill_producer(point)


@pytest.mark.parametrize(("point", "hit"), crash.PAUSES)
def test_a_worker_paused_beyond_its_lease_writes_nothing(net: crash.CrashNet, point: str, hit: int) -> None:
    net.pause(point, hit)


def test_a_worker_paused_in_a_job_is_refused_counted_and_logged(net: crash.CrashNet) -> None:
    net.pause_in_a_job()


def test_a_storm_of_kills(net: crash.CrashNet) -> None:
    net.storm()
