"""A connection of the caller's own, whatever its driver: what a store needs of it to add jobs to the caller's transaction.

The store says which statements, as a generator that gives each `Call` and is sent its rows; the caller's connection does
them, in its own way and in its own thread or event loop. So each store writes them once, for every driver there is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar
from weakref import ref

from longshore.errors import ConfigError

T = TypeVar("T")
C = TypeVar("C")

Rows = list[tuple[Any, ...]]


class Call(NamedTuple):
    """A statement and its values: ``%(name)s`` with a mapping for PostgreSQL, ``?`` with a sequence for SQLite."""

    text: str
    values: Mapping[str, Any] | Sequence[Any]


#: Gives statements, is sent the rows of each, returns what they came to.
Steps = Generator[Call, Rows, T]


class Refused(Exception):
    """A statement failed. ``code``: the SQLSTATE, or SQLite's result code; None: the connection itself failed."""

    def __init__(self, message: str, code: str | int | None) -> None:
        super().__init__(message)
        self.code = code


class Caller:
    """One connection of the caller's. An adapter for each driver or framework derives from it.

    What it tells of the connection (`dialect`, `handle`, `check`) is asked within `run` or `arun` only.
    """

    #: whether it can only be used with ``await``
    awaited = False
    #: ``postgresql`` or ``sqlite``
    dialect: str = ""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @property
    def name(self) -> str:
        """What the caller gave, for messages."""
        kind = type(self.connection)
        return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"

    @property
    def handle(self) -> Any:
        """The driver's connection: leads to the same place as long as it lives."""
        return self.connection

    def check(self) -> None:
        """ConfigError: it is closed, or it would commit each statement by itself."""

    def ending(self) -> Callable[[], bool]:
        """A function that says, without a word to the server and from any thread, whether the transaction has ended."""
        raise NotImplementedError

    def execute(self, call: Call) -> Rows:
        """One statement; its rows as plain tuples. Refused: it failed."""
        raise NotImplementedError

    def run(self, steps: Steps[T]) -> T:
        """Do all of them in the caller's transaction."""
        return driven(steps, self.execute)

    async def arun(self, steps: Steps[T]) -> T:
        """As `run`; the connection belongs to this thread."""
        return self.run(steps)


class AsyncCaller(Caller):
    """One that can only be used with ``await``."""

    awaited = True

    async def aexecute(self, call: Call) -> Rows:
        """As `Caller.execute`."""
        raise NotImplementedError

    def run(self, steps: Steps[T]) -> T:
        """ConfigError."""
        steps.close()
        self.refuse()

    def refuse(self) -> NoReturn:
        """ConfigError: used without ``await``."""
        raise ConfigError(
            f"connection= is an async connection ({self.name}), which this call cannot wait for\n"
            "write: await task.using(connection=...).aenqueue(...)"
        )

    async def arun(self, steps: Steps[T]) -> T:
        """Do all of them in the caller's transaction."""
        try:
            call = next(steps)
            while True:
                try:
                    rows = await self.aexecute(call)
                except Exception as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(rows)
        except StopIteration as stop:
            answer: T = stop.value
            return answer


def driven(steps: Steps[T], execute: Callable[[Call], Rows]) -> T:
    """Do all of them; what they came to."""
    try:
        call = next(steps)
        while True:
            try:
                rows = execute(call)
            except Exception as error:
                call = steps.throw(error)
            else:
                call = steps.send(rows)
    except StopIteration as stop:
        answer: T = stop.value
        return answer


def closed(name: str) -> ConfigError:
    """For `Caller.check`."""
    return ConfigError(
        f"connection= is a {name} that is closed\nenqueue before it is closed, inside the transaction"
    )


def commits_itself(name: str, begin: str) -> ConfigError:
    """For `Caller.check`. ``begin``: how a transaction is begun on it."""
    return ConfigError(
        f"connection= is a {name} that commits each statement by itself, and no transaction is open on it\n"
        f"begin one: {begin}; or leave connection= away"
    )


def weakly(connection: C, over: Callable[[C], bool]) -> Callable[[], bool]:
    """Whether it is over on this connection, asked without keeping the connection alive."""
    found = ref(connection)

    def ended() -> bool:
        alive = found()
        return alive is None or over(alive)

    return ended
