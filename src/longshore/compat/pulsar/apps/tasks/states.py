"""See `longshore.compat.pulsar.tasks.states`."""

from longshore.compat.pulsar.tasks.states import (
    CODES,
    EXCEPTION_STATES,
    FAILURE,
    FULL_RUN_STATES,
    QUEUED,
    READY_STATES,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    UNREADY_STATES,
    status_string,
)

__all__ = (
    "CODES",
    "EXCEPTION_STATES",
    "FAILURE",
    "FULL_RUN_STATES",
    "QUEUED",
    "READY_STATES",
    "RETRY",
    "REVOKED",
    "STARTED",
    "SUCCESS",
    "UNREADY_STATES",
    "status_string",
)
