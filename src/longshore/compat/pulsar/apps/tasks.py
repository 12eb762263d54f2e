"""See `longshore.compat.pulsar.tasks`."""

from longshore.compat.pulsar.tasks import *  # noqa: F403
