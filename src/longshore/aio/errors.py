"""What the scheduler raises of its own.

RuntimeError
├── SchedulerClosed     it takes no more jobs: closed, or draining
└── SchedulerFull       no free slot and no room among the pending jobs (only `spawn_nowait`)
"""

from __future__ import annotations


class SchedulerClosed(RuntimeError):
    """The scheduler takes no more jobs, because it is closed or draining."""


class SchedulerFull(RuntimeError):
    """Every slot is taken and the line of pending jobs is full."""
