"""The third net over the stores: killed, paused or frozen at every named point, nothing is lost or written late."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from longshore.failpoint import NAMES
from longshore.model import JobRecord
from longshore.testing import crash, freeze
from longshore.testing.invariants import History, violations
from longshore.testing.ledger import Start


@pytest.fixture
def net(tmp_path: Path) -> crash.CrashNet:
    return crash.CrashNet(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path)


#: what no worker of a plain app passes: tests/stores/test_postgres_versions.py and tests/transactions kill there
ELSEWHERE = {"migrate.step", "outbox.before_mark", "outbox.after_add", "outbox.after_release"}


def test_the_net_covers_every_point() -> None:
    assert {point for point, _ in crash.KILLS} | set(crash.PRODUCER_KILLS) | ELSEWHERE == set(NAMES)


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


@pytest.mark.parametrize(("point", "hit"), freeze.FREEZES)
def test_a_worker_frozen_anywhere_writes_nothing_late(tmp_path: Path, point: str, hit: int) -> None:
    counts = freeze.freeze(tmp_path, point, hit)
    if point not in ("settle.after", "sweep.between"):  # there it may hold nothing that is not settled
        assert counts["refused"] >= 1


def test_freezing_covers_every_point_it_can() -> None:
    producers = set(crash.PRODUCER_KILLS)
    assert {point for point, _ in freeze.FREEZES} | set(freeze.INSIDE) | producers | ELSEWHERE == set(NAMES)


def history(**changes: object) -> History:
    """Two jobs, one of them taken over once; ``changes`` spoil it."""
    good = {"task": "t", "queue": "q", "args": b"", "run_at": 1.0, "created_at": 1.0, "state": "succeeded"}
    jobs = {"a": JobRecord("a", attempt=1, **good), "b": JobRecord("b", attempt=2, crashes=1, **good)}  # type: ignore[arg-type]
    values: dict[str, object] = {
        "acknowledged": frozenset("ab"),
        "jobs": jobs,
        "results": {"a": 1, "b": 2},
        "starts": [Start("a", 1, 1), Start("b", 1, 1), Start("b", 2, 2)],
        "takeovers": 1,
    }
    return History(**(values | changes))  # type: ignore[arg-type]


def test_a_good_history_breaks_no_promise() -> None:
    assert violations(history()) == []


@pytest.mark.parametrize(
    ("spoilt", "broken"),
    [
        ({"acknowledged": frozenset("abc")}, "acknowledged and is lost"),
        ({"starts": [Start("a", 1, 1), Start("b", 2, 2), Start("c", 1, 1)]}, "not in the store"),
        ({"results": {"a": 1, "b": 1}}, "has the result of attempt 1, and was last claimed as attempt 2"),
        ({"starts": [Start("a", 1, 1), Start("b", 1, 1)]}, "never began"),
        ({"starts": [Start("a", 1, 1), Start("b", 2, 1), Start("b", 2, 2)]}, "began 2 times"),
        ({"takeovers": 0}, "claimed 2 times, with 0 takeovers"),
    ],
)
def test_a_bad_history_is_seen(spoilt: dict[str, object], broken: str) -> None:
    assert broken in "\n".join(violations(history(**spoilt)))


@pytest.mark.parametrize(
    ("spoilt", "broken"),
    [
        ({"state": "held", "reason": "crashed 3 times"}, "b is held: crashed 3 times"),
        ({"failures": 1}, "counts 1 failures"),
        ({"lease_until": 9.0}, "still leased"),
        ({"crashes": 2}, "counts 2 crashes of 1"),
    ],
)
def test_a_bad_record_is_seen(spoilt: dict[str, object], broken: str) -> None:
    good = history()
    jobs = {**good.jobs, "b": msgspec.structs.replace(good.jobs["b"], **spoilt)}
    assert broken in "\n".join(violations(history(jobs=jobs)))
