"""See `longshore.compat.pulsar.tasks.models`."""

from longshore.compat.pulsar.tasks.models import *  # noqa: F403
