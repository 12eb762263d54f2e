"""The third net, unchanged, on PostgreSQL."""

import secrets

import pytest

from longshore.testing import crash
from servers import postgres


@pytest.fixture
def net(tmp_path):
    return crash.CrashNet(postgres.place(f"c{secrets.token_hex(8)}"), tmp_path)


@pytest.mark.parametrize(("point", "hit"), crash.KILLS)
def test_a_worker_killed_anywhere_loses_nothing(net, point, hit):
    net.kill(point, hit)


@pytest.mark.parametrize("point", crash.PRODUCER_KILLS)
def test_a_producer_killed_keeps_what_was_acknowledged(net, point):
    net.kill_producer(point)


@pytest.mark.parametrize(("point", "hit"), crash.PAUSES)
def test_a_worker_paused_beyond_its_lease_writes_nothing(net, point, hit):
    net.pause(point, hit)


def test_a_worker_paused_in_a_job_is_refused_counted_and_logged(net):
    net.pause_in_a_job()


def test_a_storm_of_kills(net):
    net.storm()
