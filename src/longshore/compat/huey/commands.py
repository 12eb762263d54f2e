"""The commands of one queue as tasks of an app: what a consumer runs."""

from __future__ import annotations

import logging
from typing import Any, Final

from longshore.app import App
from longshore.compat.huey import message
from longshore.compat.huey.exceptions import QueueException
from longshore.compat.huey.imports import Imports
from longshore.compat.huey.message import Failed
from longshore.compat.huey.registry import is_periodic, name_of, registry
from longshore.context import current
from longshore.errors import Discard, Steering
from longshore.retry import Retry
from longshore.task import Task
from longshore.worker.execute import describe

log: Final = logging.getLogger("huey.consumer.logger")


class Commands:
    """``queue`` is the queue's name, ``url`` the store its jobs are kept in, ``options`` further ones of the `App`."""

    def __init__(self, queue: str, url: str, **options: Any) -> None:
        self.queue = queue
        #: modules that the commands and the configuration come from
        self.sources: set[str] = set()
        #: where a command's module may be imported from because a message names it
        self.imports = Imports(None, lambda: self.sources)
        #: the invoker that runs commands which have none of their own
        self.host: Any = None
        self._classes: dict[str, type[Any]] = {}
        self.app = App(url, find_task=self._find, **options)

    def learn(self, command_class: type[Any]) -> Task[..., Any]:
        """The task that runs commands of this class; the latest definition of a name counts."""
        name = name_of(command_class)
        self._classes[name] = command_class
        self.sources.add(command_class.__module__)
        known = self.app.tasks.get(name)
        if known is not None:
            return known

        def command(*args: Any, **kwargs: Any) -> Any:
            return self._run(name, args, kwargs)

        command.__module__ = command_class.__module__
        command.__qualname__ = command_class.__qualname__
        made: Task[..., Any] = self.app.task(name=name, queue=self.queue, retry=_policy(command_class))(
            command
        )
        return made

    def named(self, name: str) -> type[Any]:
        """The class of this name, looked for as `CommandRegistry.get_command_class` does. QueueException: none is known."""
        return self._classes.get(name) or registry.get_command_class(name, self.imports)

    def _find(self, name: str) -> None:
        try:
            self.learn(self.named(name))
        except QueueException as error:
            log.error("queue exception", exc_info=error)

    def _run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One run of a command, inside its job."""
        record = current().record
        command_class = self._classes[name]
        asked = message.of_job(record, record.created_at)
        task_id = None if is_periodic(command_class) else asked.id
        command = command_class(command_class.data_of(args, kwargs), task_id, asked.when())
        command.failures = record.failures
        invoker = command.invoker or self.host
        if invoker is None:
            return command.execute()
        if invoker.is_revoked(command, preserve=False):
            raise Discard("revoked")
        try:
            value = command.execute()
        except Steering:
            raise
        except Exception as error:
            if record.failures >= command.retries:
                failure = describe(error, record, record.created_at)
                invoker.keep(command, Failed(failure.message, failure.kind, failure.traceback))
            raise
        return invoker.keep(command, value)


def _policy(command_class: type[Any]) -> Retry | None:
    if not command_class.retries:
        return None
    delay = command_class.retry_delay
    return Retry(command_class.retries, backoff="constant", delay=delay, max_delay=delay, jitter=0)
