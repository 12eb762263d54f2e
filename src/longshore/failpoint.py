"""Named points where a test may stop the world. Without a test they cost one comparison.

Production code calls `hit`; only `longshore.testing.failpoints` ever installs actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

NAMES: Final[tuple[str, ...]] = (
    "add.before_commit",
    "add.after_commit",
    "exchange.before_commit",
    "exchange.after_commit",
    "apply.before_commit",
    "run.before",
    "run.after",
    "settle.before",
    "settle.after",
    "renew.before",
    "sweep.between",
    "progress.before",
    "shutdown.release",
    "migrate.step",
    "outbox.before_mark",
    "outbox.after_add",
    "outbox.after_release",
)

_actions: Mapping[str, Callable[[], object]] | None = None


def hit(name: str) -> None:
    """Run what a test installed at this point, if anything."""
    if _actions is None:
        return
    action = _actions.get(name)
    if action is not None:
        action()


def armed() -> bool:
    """Whether a test installed anything: a store may then take a longer way, on which there is a place to stop at."""
    return _actions is not None


def install(actions: Mapping[str, Callable[[], object]] | None) -> None:
    """Replace all actions; None takes them away. For `longshore.testing.failpoints` only."""
    global _actions  # noqa: PLW0603 - the one switch, process-wide by intent
    _actions = actions
