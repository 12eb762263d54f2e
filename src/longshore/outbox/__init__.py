"""Jobs that wait in the caller's database for his commit, and are then moved to a store elsewhere."""

from longshore.outbox.mover import Mover
from longshore.outbox.outbox import Outbox, open_outbox
from longshore.outbox.shelf import Backlog

__all__ = ["Backlog", "Mover", "Outbox", "open_outbox"]
