"""What ``status`` of a delayed task can be, with the numbers of autotask."""

from typing import Final

__all__ = ("DONE", "ERROR", "RUNNING", "WAITING")

WAITING: Final = 1
RUNNING: Final = 2
DONE: Final = 3
ERROR: Final = 4
