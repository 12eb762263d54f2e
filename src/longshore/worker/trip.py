"""What the feed takes to the store in one exchange."""

from __future__ import annotations

import msgspec

from longshore.model import Change, Claim, JobRecord
from longshore.outcome import Outcome
from longshore.worker.run import Run


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An outcome on its way to the store."""

    job: JobRecord
    outcome: Outcome
    change: Change
    seconds: float


class Trip(msgspec.Struct, frozen=True, gc=False):
    """One exchange to make: outcomes to settle, jobs to claim, and a job that crashed before and may begin."""

    batch: list[Settled]
    claim: Claim | None
    suspect: Run | None
