"""See `longshore.compat.pulsar.tasks`."""

from longshore.compat.pulsar.apps.tasks import backend as backend
from longshore.compat.pulsar.apps.tasks import models as models
from longshore.compat.pulsar.apps.tasks import states as states
from longshore.compat.pulsar.tasks import *  # noqa: F403
