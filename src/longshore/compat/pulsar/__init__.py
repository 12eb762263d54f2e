"""The words of pulsar's task queue over Longshore's engine: `from longshore.compat.pulsar import tasks`."""

from longshore.compat.pulsar import tasks

__all__ = ("tasks",)
