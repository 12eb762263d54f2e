"""The points where tests stop the world."""

import pytest

from longshore import failpoint
from longshore.testing import failpoints


def test_nothing_happens_unless_installed():
    for name in failpoint.NAMES:
        failpoint.hit(name)


def test_an_action_happens_at_its_point_only_and_only_inside():
    seen = []
    with failpoints.at("run.before", lambda: seen.append("before")):
        with failpoints.at("run.after", lambda: seen.append("after")):
            failpoint.hit("run.before")
            failpoint.hit("run.after")
            failpoint.hit("settle.before")
        failpoint.hit("run.after")
        failpoint.hit("run.before")
    failpoint.hit("run.before")
    assert seen == ["before", "after", "before"]
    assert failpoint._actions is None


@pytest.mark.parametrize(
    ("times", "skip", "expected"),
    [(None, 0, [0, 1, 2, 3, 4]), (1, 0, [0]), (2, 1, [1, 2]), (None, 3, [3, 4]), (0, 0, [])],
)
def test_how_often(times, skip, expected):
    turn, seen = [0], []
    failpoints.install("run.before", lambda: seen.append(turn[0]), times, skip)
    for turn[0] in range(5):
        failpoint.hit("run.before")
    failpoints.clear()
    assert seen == expected


def test_a_name_that_is_no_point_is_refused():
    with pytest.raises(ValueError, match="no such failpoint"):
        failpoints.install("nowhere", lambda: None)
