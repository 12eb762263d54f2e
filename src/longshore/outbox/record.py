"""A job as it lies in the outbox, and on its way from there."""

from __future__ import annotations

from typing import Final

import msgspec

from longshore.model import Change, JobRecord

#: Why a job waits that is in the store already but may not run yet.
REASON: Final = "on its way out of the outbox"

packed: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(JobRecord)


def unpacked(job: bytes) -> JobRecord:
    """The job of a row. msgspec.MsgspecError: it is none."""
    return _decoder.decode(job)


def arriving(job: JobRecord, now: float) -> JobRecord:
    """As it is stored first: where no worker takes it.

    It was made by the clock of the process that enqueued it. What was to run at once does so by the store's clock too.
    """
    run_at = min(job.run_at, now) if job.run_at <= job.created_at else job.run_at
    return msgspec.structs.replace(job, state="waiting", reason=REASON, run_at=run_at)


def let_run(job_id: str) -> Change:
    """Refused by the store for a job that was let run before, whatever became of it since."""
    return Change(job_id, "waiting", 0, {"state": "queued", "reason": None})
