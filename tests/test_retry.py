"""Whether and when a failed job runs again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.errors import ConfigError, RetryLater
from longshore.retry import Retry

ERROR = ValueError("x")


def waits(
    policy: Retry, runs: int = 6, error: BaseException = ERROR, random: float = 0.0
) -> list[float | None]:
    return [policy.decide(error, failures, 0.0, random) for failures in range(runs)]


def test_limit_counts_the_runs_after_the_first() -> None:
    assert waits(Retry(2, backoff="constant", delay=5)) == [5, 5, None, None, None, None]
    assert waits(Retry(0)) == [None] * 6
    assert [wait is not None for wait in waits(Retry())] == [True, True, True, False, False, False]


def test_backoff_grows_up_to_its_longest() -> None:
    assert waits(Retry(9, delay=2, max_delay=20)) == [2, 4, 8, 16, 20, 20]
    assert waits(Retry(9, backoff="linear", delay=2, max_delay=9)) == [2, 4, 6, 8, 9, 9]
    assert waits(Retry(9, backoff="constant", delay=timedelta(seconds=7))) == [7] * 6
    assert Retry(10**6, max_delay=timedelta(hours=2)).decide(ERROR, 10**6 - 1, 0, 0) == 7200


def test_backoff_can_be_a_function_of_the_failures_so_far() -> None:
    assert waits(Retry(9, backoff=lambda failures: 10 * failures, max_delay=45)) == [10, 20, 30, 40, 45, 45]
    assert waits(Retry(9, backoff=lambda failures: timedelta(minutes=failures)), 2) == [60, 120]


@pytest.mark.parametrize(
    "backoff",
    [
        lambda failures: 1 / 0,
        lambda failures: "soon",
        lambda failures: -1,
        lambda failures: float("nan"),
        lambda: 1,
    ],
)
def test_a_backoff_function_that_fails_loses_no_job(backoff: Callable[..., Any]) -> None:
    assert waits(Retry(1, backoff=backoff, delay=3), 2) == [3, None]


def test_jitter_only_ever_shortens() -> None:
    assert waits(Retry(1, delay=8, jitter=0.25), 1, random=0.999999)[0] == pytest.approx(6, abs=1e-4)
    assert waits(Retry(1, delay=8), 1, random=0.999999)[0] == pytest.approx(4, abs=1e-4)
    assert waits(Retry(1, delay=8, jitter=True), 1, random=0.0) == [8]
    assert waits(Retry(1, delay=8, jitter=1), 1, random=0.999999)[0] == pytest.approx(0, abs=1e-4)
    for off in (0, False):
        assert waits(Retry(1, delay=8, jitter=off), 1, random=0.7) == [8]


def test_only_the_named_errors_are_retried() -> None:
    policy = Retry(3, on=(OSError, ValueError), give_up_on=ConnectionError)
    assert policy.decide(ValueError(), 0, 0, 0) == 1
    assert policy.decide(TimeoutError(), 0, 0, 0) == 1
    assert policy.decide(KeyError(), 0, 0, 0) is None
    assert policy.decide(ConnectionResetError(), 0, 0, 0) is None
    assert Retry(3).decide(SystemExit(), 0, 0, 0) is None
    assert Retry(3, on=BaseException).decide(SystemExit(), 0, 0, 0) == 1


def test_of_a_group_what_is_in_it_counts() -> None:
    policy = Retry(3, on=OSError, give_up_on=PermissionError)
    assert (
        policy.decide(ExceptionGroup("x", [ValueError(), ExceptionGroup("y", [TimeoutError()])]), 0, 0, 0)
        == 1
    )
    assert policy.decide(ExceptionGroup("x", [ValueError()]), 0, 0, 0) is None
    assert policy.decide(ExceptionGroup("x", [TimeoutError(), PermissionError()]), 0, 0, 0) is None


def test_within_limits_the_time_instead_of_the_count() -> None:
    policy = Retry(within=timedelta(hours=1), backoff="constant", delay=60, jitter=0)
    assert policy.limit is None
    assert policy.decide(ERROR, 10_000, 3540, 0) == 60
    assert policy.decide(ERROR, 0, 3541, 0) is None
    both = Retry(2, within=100, backoff="constant", delay=10)
    assert both.decide(ERROR, 2, 0, 0) is None
    assert both.decide(ERROR, 1, 95, 0) is None


def test_retry_later_sets_the_wait_and_respects_the_limits() -> None:
    policy = Retry(2, within=500, give_up_on=Exception)
    assert policy.decide(RetryLater(30), 0, 0, 0.9) == 30
    assert policy.decide(RetryLater(timedelta(minutes=2)), 1, 0, 0) == 120
    assert policy.decide(RetryLater(-5), 0, 0, 0) == 0
    assert policy.decide(RetryLater(30), 2, 0, 0) is None
    assert policy.decide(RetryLater(30), 0, 480, 0) is None


def test_a_number_is_a_policy() -> None:
    assert Retry.of(5) == Retry(5)
    assert Retry.of(0) is None
    assert Retry.of(None) is None
    assert Retry.of(Retry(2)) == Retry(2)


@pytest.mark.parametrize(
    "given",
    [
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"limit": "3"},
        {"delay": -1},
        {"delay": "1s"},
        {"delay": float("nan")},
        {"max_delay": float("inf")},
        {"delay": 10**12},
        {"jitter": 2},
        {"jitter": float("nan")},
        {"jitter": "yes"},
        {"backoff": "quadratic"},
        {"backoff": 3},
        {"on": "ValueError"},
        {"on": [3]},
        {"give_up_on": ValueError()},
        {"within": 0},
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_where_it_is_written(given: dict[str, Any]) -> None:
    name, value = next(iter(given.items()))
    with pytest.raises(ConfigError) as raised:
        Retry(**given)
    assert name in str(raised.value)
    assert repr(value).strip("[]")[:20] in str(raised.value)


@pytest.mark.parametrize("value", [-1, True, 2.0, "3"])
def test_a_number_of_retries_is_a_whole_one(value: Any) -> None:
    with pytest.raises(ConfigError):
        Retry.of(value)


@given(
    limit=st.integers(0, 1000),
    backoff=st.sampled_from(["exponential", "linear", "constant"]),
    delay=st.floats(0, 1e6),
    max_delay=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
    failures=st.integers(0, 2000),
    random=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_never_negative_nor_longer_than_the_longest(
    limit: int, backoff: Any, delay: float, max_delay: float, jitter: float, failures: int, random: float
) -> None:
    policy = Retry(limit, backoff=backoff, delay=delay, max_delay=max_delay, jitter=jitter)
    wait = policy.decide(ERROR, failures, 0.0, random)
    assert (wait is None) == (failures >= limit)
    assert wait is None or 0 <= wait <= max_delay
