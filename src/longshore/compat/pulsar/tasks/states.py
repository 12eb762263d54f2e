"""The states of a task, as numbers, and what of a Longshore job they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from longshore import model
from longshore.model import JobRecord

SUCCESS: Final = 1
FAILURE: Final = 2
REVOKED: Final = 3
RETRY: Final = 4
STARTED: Final = 5
QUEUED: Final = 6

CODES: Final[Mapping[int, str]] = {
    SUCCESS: "SUCCESS",
    FAILURE: "FAILURE",
    REVOKED: "REVOKED",
    RETRY: "RETRY",
    STARTED: "STARTED",
    QUEUED: "QUEUED",
}
#: the task has run to its end
FULL_RUN_STATES: Final = frozenset({SUCCESS, FAILURE})
#: nothing more will happen to it
READY_STATES: Final = frozenset({SUCCESS, FAILURE, REVOKED})
EXCEPTION_STATES: Final = frozenset({FAILURE, REVOKED})
UNREADY_STATES: Final = frozenset({RETRY, STARTED, QUEUED})

_OF: Final[Mapping[model.State, int]] = {
    "queued": QUEUED,
    "waiting": QUEUED,
    "running": STARTED,
    "succeeded": SUCCESS,
    "failed": FAILURE,
    "held": FAILURE,
    "cancelled": REVOKED,
}


def status_string(status: int | None) -> str:
    """The name of a state; "UNKNOWN" for what is none."""
    return CODES.get(status, "UNKNOWN") if status is not None else "UNKNOWN"


def status_of(job: JobRecord) -> int:
    """The state of the task that this job is."""
    return RETRY if job.state == "queued" and job.failures else _OF[job.state]
