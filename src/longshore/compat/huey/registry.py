"""Every command class of this process by its name, as code that comes from huey looks them up.

Consumers do not run what is merely here: each runs the commands of its own invoker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from longshore.compat.huey import message
from longshore.compat.huey.exceptions import QueueException, RegistrationError
from longshore.compat.huey.imports import Imports
from longshore.compat.huey.message import CALL, Message
from longshore.suggest import did_you_mean


class Command(Protocol):
    """What the registry needs of a command; see `queue.QueueCommand`."""

    task_id: str

    def message(self) -> Message: ...


class CommandRegistry:
    """Command classes by name, ``module.class``."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Any]] = {}
        self._tried: dict[str, BaseException | None] = {}

    def __contains__(self, command: object) -> bool:
        """Whether this name, or this class, is registered."""
        if isinstance(command, type):
            return self._classes.get(name_of(command)) is command
        return command in self._classes

    def __iter__(self) -> Any:
        return iter(dict(self._classes))

    def register(self, command_class: type[Any]) -> None:
        """Add a class. RegistrationError: another of the same invoker, defined elsewhere in its module, has its name."""
        name = name_of(command_class)
        before = self._classes.get(name)
        if before is not None and before.invoker is command_class.invoker:
            check_same(before, command_class)
        self._classes[name] = command_class

    def unregister(self, command_class: type[Any] | str) -> None:
        """Forget a class. QueueException: it is not here."""
        name = command_class if isinstance(command_class, str) else name_of(command_class)
        if self._classes.pop(name, None) is None:
            raise QueueException(f"{name} not found in CommandRegistry{did_you_mean(name, self._classes)}")

    def find(self, name: str) -> type[Any] | None:
        """The class of this name, or None. Nothing is imported."""
        return self._classes.get(name)

    def get_command_class(self, name: str, imports: Imports | None = None) -> type[Any]:
        """The class of this name. One that is not here yet has its module imported once, where ``imports`` allows that.

        QueueException: it is not known after that either; says why.
        """
        if name not in self._classes:
            why = self._import(name.rpartition(".")[0], imports or Imports(None, self._modules))
            if name not in self._classes:
                raise QueueException(f"{name} not found in CommandRegistry{why}")
        return self._classes[name]

    def get_message_for_command(self, command: Command) -> str:
        """What is written to a queue for this command."""
        return command.message().text()

    def get_command_for_message(self, text: str, imports: Imports | None = None) -> Any:
        """The command a message asks for. QueueException: it is no message, or of a command that nobody here knows."""
        asked = message.read(text)
        return revived(self.get_command_class(asked.command, imports), asked)

    def get_periodic_commands(self) -> list[Any]:
        """One instance of every periodic command."""
        return [found() for found in self._classes.values() if is_periodic(found)]

    def _import(self, module: str, imports: Imports) -> str:
        """Try it once; why that did not help."""
        if module == "__main__":
            return (
                ": it was defined in the script that enqueued it, which no consumer can import. "
                "Move it to a module of its own"
            )
        if module not in self._tried:
            if not module or not imports.allow(module):
                return (
                    f': the module "{module}" is not imported because a message names it; that is done for '
                    f"{imports.told()}. Import it where the configuration is, or name its package there: "
                    f'PACKAGES = ["{module.partition(".")[0]}"]'
                )
            self._tried[module] = imports.attempt(module)
        error = self._tried[module]
        return f': importing "{module}" fails: {error!r}' if error else f' after importing "{module}"'

    def _modules(self) -> set[str]:
        return {found.__module__ for found in self._classes.values()}


def name_of(command_class: type[Any]) -> str:
    """``module.class``."""
    return f"{command_class.__module__}.{command_class.__name__}"


def is_periodic(command_class: type[Any]) -> bool:
    return hasattr(command_class, "validate_datetime")


def revived(command_class: type[Any], asked: Message) -> Any:
    """The command again, from its message."""
    args, kwargs = CALL.load(asked.data)
    command = command_class(command_class.data_of(args, kwargs), asked.id, asked.when())
    command.due = asked.due
    command.failures = asked.failures
    return command


def check_same(before: type[Any] | None, now: type[Any]) -> None:
    """RegistrationError: two classes of one name that are not one definition, executed again."""
    if before is None or before is now or "<locals>" in now.__qualname__ or place_of(before) == place_of(now):
        return
    raise RegistrationError(
        f'two commands are called "{name_of(now)}": at {place_of(before)} and at {place_of(now)}. Rename one of them'
    )


def place_of(command_class: type[Any]) -> str:
    """File and line of what a command runs."""
    body: Callable[..., Any] = getattr(command_class, "function", None) or command_class.execute
    code = getattr(body, "__code__", None)
    return "built-in code" if code is None else f"{code.co_filename}:{code.co_firstlineno}"


registry: Final = CommandRegistry()
