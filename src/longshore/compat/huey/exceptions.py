"""What the huey words raise. All are errors of Longshore too.

QueueException
├── QueueWriteException        a message could not be put into the queue
├── QueueReadException         the queue could not be read
├── QueueRemoveException       a message could not be taken out of the queue
├── DataStoreGetException      a result could not be read
├── DataStorePutException      a result could not be stored
├── DataStoreTimeout           the result was not there in time
├── ScheduleAddException       the schedule could not be saved
├── ScheduleReadException      the schedule could not be loaded
├── TaskException              the command failed: there will be no result
├── RegistrationError          a name that another command has
└── ConfigurationError         a configuration that cannot be found, or cannot work
"""

from __future__ import annotations

from longshore.errors import ConfigError, LongshoreError, TaskError


class QueueException(LongshoreError):
    """Base of all of these; by itself: the queue holds a command that nobody here knows."""


class QueueWriteException(QueueException):
    """A message could not be put into the queue."""


class QueueReadException(QueueException):
    """The queue could not be read."""


class QueueRemoveException(QueueException):
    """A message could not be taken out of the queue."""


class DataStoreGetException(QueueException):
    """A result could not be read."""


class DataStorePutException(QueueException):
    """A result could not be stored."""


class DataStoreTimeout(QueueException):
    """The result was not there in time. The command goes on; ask again later."""


class ScheduleAddException(QueueException):
    """The schedule could not be saved."""


class ScheduleReadException(QueueException):
    """The schedule could not be loaded."""


class TaskException(QueueException):
    """The command failed for good, or was given up: there will be no result.

    ``kind`` is the exception's qualified name in the consumer, ``traceback`` its text (may be empty).
    """

    def __init__(self, message: str, kind: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.traceback = traceback


class RegistrationError(QueueException, TaskError):
    """Two commands of one name."""


class ConfigurationError(QueueException, ConfigError):
    """A configuration that cannot be found, or a value in it that cannot work."""
