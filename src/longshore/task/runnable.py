"""What a worker needs of a task: its name, its function, its options, and how its values are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from longshore.context import Context
from longshore.errors import NotEncodable, TaskError
from longshore.ids import new_id
from longshore.model import JobRecord
from longshore.signature import Signature
from longshore.task.options import Options

Kind = Literal["async", "sync", "process"]


class Runnable:
    """What can be run. Never changed once made.

    name          by which jobs find it
    fn            the function, or the class whose instances are called
    kind          "async" runs in the event loop, "sync" in a thread, "process" in a process of its own
    options       how its jobs are run
    signature     binds, checks, stores and reads back its arguments and results
    extra         the options that middleware declares
    in_main       defined in the script that is running, where no worker could import it
    """

    __slots__ = ("extra", "fn", "in_main", "kind", "name", "options", "signature")

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        kind: Kind,
        options: Options,
        signature: Signature,
        extra: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.fn = fn
        self.kind: Kind = kind
        self.options = options
        self.signature = signature
        self.extra = extra
        self.in_main = getattr(fn, "__module__", None) == "__main__"

    def __repr__(self) -> str:
        return f"<Task {self.name} ({self.kind}, queue {self.options.queue})>"

    @property
    def wants_context(self) -> bool:
        """Whether a parameter is annotated `Context`."""
        return self.signature.context is not None

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """For `inspect.signature` and documentation tools."""
        return self.fn

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """A class that inherits from a task inherits from the task's class. TaskError: the task is a function."""
        if not isinstance(self.fn, type):
            raise TaskError(
                f"{self.name} is a task made of a function: only tasks made of classes can be inherited from"
            )
        return (self.fn,)

    def target(self) -> Callable[..., Any]:
        """What one run calls: the function, or a fresh instance of the class."""
        return cast("Callable[..., Any]", self.fn()) if isinstance(self.fn, type) else self.fn

    @property
    def module(self) -> str:
        """Where its function or class is defined."""
        return str(self.fn.__module__)

    @property
    def qualname(self) -> str:
        """What its function or class is called there."""
        return str(getattr(self.fn, "__qualname__", self.name))

    def invoke(self, context: Context, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it with decoded arguments. A coroutine function gives its coroutine."""
        if self.signature.context is not None:
            args, kwargs = self.signature.inject(args, kwargs, context)
        return self.target()(*args, **kwargs)

    def encode_result(self, value: Any) -> bytes:
        """What the store keeps of a result. NotEncodable: it has no stored form."""
        try:
            return self.signature.result.encode(value)
        except NotEncodable as error:
            raise NotEncodable(f"{self.name}: {error}") from None

    def decode_result(self, payload: bytes | None) -> Any:
        """The result again. Undecodable: damaged, or the declared type has changed since."""
        return None if payload is None else self.signature.result.decode(payload)

    def _run_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.wants_context or any(isinstance(value, Context) for value in (*args, *kwargs.values())):
            return self.target()(*args, **kwargs)
        return self.invoke(self._context(), args, kwargs)

    def _context(self) -> Context:
        # A plain call is no job: its Context belongs to a record that no store has.
        record = JobRecord(new_id(), self.name, self.options.queue, b"", 0.0, 0.0, attempt=1)
        return Context(record)
