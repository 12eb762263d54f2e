"""Commands: one request each to run something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from longshore.compat.huey.message import CALL, Message
from longshore.compat.huey.registry import name_of, registry
from longshore.errors import NotEncodable
from longshore.ids import new_id
from longshore.signature import Signature

#: Marks arguments that are stored as the function's annotations say. No parameter can have this name.
TYPED: Final = "huey:typed"


class QueueCommand:
    """Subclass it and define ``execute()``; every subclass is registered where it is defined.

    data           what it works with; has to be plain data (see the page about tasks), or nothing
    task_id        any text; None: a new one
    execute_time   not before this time; None: at once. Naive: UTC, unless the configuration says ``UTC = False``

    Two commands are equal that have the same id, the same time and the same class.
    """

    #: runs after the first one, and the seconds between them
    retries: ClassVar[int] = 0
    retry_delay: ClassVar[float] = 0
    retries_as_argument: ClassVar[bool] = False
    #: the invoker it was decorated with; None: whoever runs it
    invoker: ClassVar[Any] = None
    #: left out of the registry: a base of others
    abstract: ClassVar[bool] = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not vars(cls).get("abstract", False):
            cls.abstract = False
            registry.register(cls)

    def __init__(
        self, data: Any = None, task_id: str | None = None, execute_time: datetime | None = None
    ) -> None:
        self.set_data(data)
        self.task_id = task_id or self.create_id()
        self.execute_time = execute_time
        #: ``execute_time`` in seconds since the epoch; None: what that says
        self.due: float | None = None
        #: runs of it that failed before
        self.failures = 0
        #: the job it was taken from, under a lease
        self.lease: Any = None

    def __repr__(self) -> str:
        return f"<{name_of(type(self))} {self.task_id}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, QueueCommand)
            and type(self) is type(other)
            and (self.task_id, self.execute_time) == (other.task_id, other.execute_time)
        )

    def __hash__(self) -> int:
        return hash(self.task_id)

    def create_id(self) -> str:
        """A new id. It sorts by time."""
        return new_id()

    def get_data(self) -> Any:
        return self.data

    def set_data(self, data: Any) -> None:
        self.data = data

    def execute(self) -> Any:
        """What the command does."""
        raise NotImplementedError(f"{type(self).__qualname__} has no execute(): define what it does")

    def message(self) -> Message:
        """As it is written to a queue. NotEncodable: its data have no stored form."""
        payload = self.payload_of(*self.call_of(self.get_data()))
        time = None if self.execute_time is None else self.execute_time.isoformat()
        return Message(self.task_id, name_of(type(self)), payload, time, self.due, self.failures)

    @classmethod
    def payload_of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """These arguments, encoded. NotEncodable."""
        return CALL.bind(args, kwargs)

    @classmethod
    def call_of(cls, data: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Its data as arguments."""
        return (data,), {}

    @classmethod
    def data_of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The data again."""
        return args[0] if args else None


class PeriodicQueueCommand(QueueCommand):
    """Runs whenever ``validate_datetime`` says so of a minute."""

    abstract = True

    def create_id(self) -> str:
        """Its class: there is one of it."""
        return name_of(type(self))

    def validate_datetime(self, dt: datetime) -> bool:
        """Whether to run at this minute. Naive: UTC, unless the configuration says ``UTC = False``."""
        return False


class FunctionCommand(QueueCommand):
    """Of a decorated function; its data are the arguments ``(args, kwargs)``."""

    abstract = True
    function: ClassVar[Callable[..., Any]]

    def execute(self) -> Any:
        args, kwargs = self.get_data() or ((), {})
        if self.retries_as_argument:
            kwargs = {**kwargs, "retries": max(0, self.retries - self.failures)}
        return type(self).function(*args, **kwargs)

    @classmethod
    def call_of(cls, data: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = data or ((), {})
        return tuple(args), dict(kwargs)

    @classmethod
    def payload_of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        try:
            return CALL.bind(args, kwargs)
        except NotEncodable:  # no plain data: as the annotations say, then
            return CALL.bind((cls.signature().bind(args, kwargs),), {TYPED: True})

    @classmethod
    def data_of(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return cls.signature().load(args[0]) if TYPED in kwargs else (args, kwargs)

    @classmethod
    def signature(cls) -> Signature:
        """Of the function. TaskError: an annotation has no stored form."""
        return Signature(cls.function, cls.function.__qualname__)


class PeriodicFunctionCommand(FunctionCommand, PeriodicQueueCommand):
    """Of a function decorated to be run by the minute."""

    abstract = True
