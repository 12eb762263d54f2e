"""The words of huey over Longshore's engine: change ``huey`` to ``longshore.compat.huey`` in the imports."""

from longshore.compat.huey.bin.config import BaseConfiguration
from longshore.compat.huey.decorators import crontab, periodic_command, queue_command
from longshore.compat.huey.queue import Invoker

__all__ = ("BaseConfiguration", "Invoker", "crontab", "periodic_command", "queue_command")
