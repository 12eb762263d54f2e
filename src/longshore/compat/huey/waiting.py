"""Commands that wait for their time in the memory of a program."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from longshore.compat.huey.exceptions import ScheduleAddException, ScheduleReadException
from longshore.compat.huey.registry import registry
from longshore.compat.huey.utils import EmptyData, instant, now


class CommandSchedule:
    """For programs that have a loop of their own; consumers here keep what waits in the queue's store.

    ``invoker`` has the task store, in which `save` keeps what waits under ``key_name``.
    """

    def __init__(self, invoker: Any, key_name: str = "schedule") -> None:
        self.invoker = invoker
        self.key_name = key_name
        self._commands: dict[str, Any] = {}

    def add(self, command: Any) -> None:
        """Let it wait, once."""
        self._commands.setdefault(command.task_id, command)

    def remove(self, command: Any) -> None:
        """Let it wait no more."""
        self._commands.pop(command.task_id, None)

    def is_pending(self, command: Any) -> bool:
        """Whether it waits."""
        return command.task_id in self._commands

    def commands(self) -> list[Any]:
        """Those that wait."""
        return list(self._commands.values())

    def should_run(self, command: Any, dt: datetime | None = None) -> bool:
        """Whether its time has come at ``dt``: now, if None."""
        if command.execute_time is None:
            return True
        utc = self.invoker.utc
        return bool(instant(command.execute_time, utc) <= instant(dt or now(utc), utc))

    def save(self) -> None:
        """Keep what waits in the task store, if there is one. ScheduleAddException."""
        if self.invoker.task_store is not None:
            texts = [registry.get_message_for_command(command) for command in self.commands()]
            try:
                self.invoker.task_store.put(self.key_name, msgspec.json.encode(texts).decode())
            except Exception as error:
                raise ScheduleAddException(f"the schedule cannot be saved: {error}") from error

    def load(self) -> None:
        """Add what `save` kept; nothing where there is none. QueueException: a command of it is not known."""
        if self.invoker.task_store is None:
            return
        try:
            kept = self.invoker.task_store.get(self.key_name)
            texts = [] if kept is EmptyData else msgspec.json.decode(kept, type=list[str])
        except Exception as error:
            raise ScheduleReadException(f"the schedule cannot be loaded: {error}") from error
        for text in texts:
            self.add(registry.get_command_for_message(text))
