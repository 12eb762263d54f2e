"""A task: what can be run, by name, and the verbs that make jobs of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast

import msgspec
from msgspec import UNSET

from longshore.context import Context
from longshore.errors import ArgumentError, NotEncodable
from longshore.ids import new_id
from longshore.model import JobRecord, UniqueMode
from longshore.names import check_key
from longshore.signature import Signature
from longshore.task.options import NO_OVERRIDES, Options, Overrides, Unique, overrides

if TYPE_CHECKING:
    from longshore.job import Job

P = ParamSpec("P")
R = TypeVar("R")

Kind = Literal["async", "sync", "process"]


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a bound call asks for. Pure data: no id and no time yet.

    ``payload`` are the encoded arguments; ``delay`` seconds from now or ``eta`` seconds since the epoch, at most one of
    them; ``expires`` seconds from now; ``unique`` the key as it is stored, the task's name in it.
    """

    task: Task[..., Any]
    payload: bytes
    queue: str
    priority: int = 0
    delay: float | None = None
    eta: float | None = None
    expires: float | None = None
    unique: str | None = None
    unique_mode: UniqueMode | None = None
    keep: float | None = None
    headers: Mapping[str, str] | None = None

    def record(self, job_id: str, now: float) -> JobRecord:
        """The job to store, created ``now`` on the store's clock."""
        run_at = now if self.delay is None else now + self.delay
        return JobRecord(
            id=job_id,
            task=self.task.name,
            queue=self.queue,
            args=self.payload,
            run_at=run_at if self.eta is None else self.eta,
            created_at=now,
            priority=self.priority,
            expires_at=None if self.expires is None else now + self.expires,
            keep=self.keep,
            unique=self.unique,
            unique_mode=self.unique_mode,
            headers=None if self.headers is None else msgspec.msgpack.encode(self.headers),
        )


class Door(Protocol):
    """What a task needs of its app: the way into the store. ``connection`` is the caller's own transaction.

    ``keep`` is how long a finished job stays readable unless its task says otherwise, in seconds; ``middleware`` wraps
    every run, and ``max_result`` limits the bytes of a result: a process that runs one job finds them through its task.
    """

    keep: float | None
    middleware: Sequence[Any]
    max_result: int

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]: ...

    async def aenqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]: ...


class Call(Generic[R]):
    """``task.call(...)``: checked and encoded; a row for ``enqueue_many``, or enqueued by itself.

    ``request`` is what it asks for; ``connection`` the caller's transaction given to ``using``, or None.
    """

    __slots__ = ("_door", "connection", "request")

    def __init__(self, request: Request, door: Door, connection: Any = None) -> None:
        self.request = request
        self.connection = connection
        self._door = door

    def __repr__(self) -> str:
        return f"<Call of {self.request.task.name}>"

    def enqueue(self) -> Job[R]:
        """Store it as a job."""
        return cast("Job[R]", self._door.enqueue((self.request,), self.connection)[0])

    async def aenqueue(self) -> Job[R]:
        """Store it as a job, without blocking the event loop."""
        return cast("Job[R]", (await self._door.aenqueue((self.request,), self.connection))[0])

    def with_headers(self, headers: Mapping[str, str]) -> Call[R]:
        """The same call with these headers besides those it has."""
        merged = {**(self.request.headers or {}), **headers}
        return Call(msgspec.structs.replace(self.request, headers=merged), self._door, self.connection)


class Changes(TypedDict, total=False):
    """What `Task.using` takes. Durations in seconds or as timedelta; ``eta`` has a time zone."""

    delay: float | timedelta
    eta: datetime
    queue: str
    priority: int
    unique: Unique
    unique_mode: UniqueMode
    expires: float | timedelta | None
    keep: float | timedelta | None
    headers: Mapping[str, str]
    connection: Any


class Verbs(Generic[P, R]):
    """What a task and a task with changed options can do. All check the arguments first.

    All raise ArgumentError for arguments that do not fit, NotEncodable for values without a stored form, UniqueConflict
    where the key is held and the mode is "reject", and StoreError where the store fails. Then nothing was stored.
    """

    __slots__ = ("_door",)

    _door: Door
    _connection: Any = None

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        """A call, checked and encoded: pure, stores nothing."""
        raise NotImplementedError

    def enqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Store a job that runs the task with these arguments. Blocks until it is stored."""
        return cast("Job[R]", self._door.enqueue((self.request(args, kwargs),), self._connection)[0])

    async def aenqueue(self, /, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """As `enqueue`, without blocking the event loop."""
        return cast("Job[R]", (await self._door.aenqueue((self.request(args, kwargs),), self._connection))[0])

    def enqueue_many(self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]) -> list[Job[R]]:
        """Store a job for every row, all or none: a `call`, a tuple of positional, or a dict of keyword arguments."""
        return cast("list[Job[R]]", list(self._door.enqueue(self._requests(rows), self._connection)))

    async def aenqueue_many(
        self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]
    ) -> list[Job[R]]:
        """As `enqueue_many`, without blocking the event loop."""
        return cast("list[Job[R]]", list(await self._door.aenqueue(self._requests(rows), self._connection)))

    def call(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """A bound call, not enqueued yet: a typed row for `enqueue_many`."""
        return Call(self.request(args, kwargs), self._door, self._connection)

    def _requests(self, rows: Iterable[Call[R] | tuple[Any, ...] | Mapping[str, Any]]) -> list[Request]:
        requests = []
        for index, row in enumerate(rows):
            try:
                requests.append(self._row(row))
            except ArgumentError as error:
                raise type(error)(f"row {index}: {error}") from None
        return requests

    def _row(self, row: Call[R] | tuple[Any, ...] | Mapping[str, Any]) -> Request:
        if isinstance(row, tuple):
            return self.request(row, {})
        if isinstance(row, Mapping):
            return self.request((), row)
        if isinstance(row, Call):
            return row.request
        raise ArgumentError(
            f"expected task.call(...), a tuple of positional or a dict of keyword arguments, got {type(row).__name__}"
        )


class Task(Verbs[P, R]):
    """What can be run: a name, a function or a class, and options. Made by ``app.task``; never changed afterwards.

    name          by which jobs find it
    fn            the function, or the class whose instances are called
    kind          "async" runs in the event loop, "sync" in a thread, "process" in a process of its own
    in_main       defined in the script that is running, where no worker could import it
    signature     binds, checks, stores and reads back its arguments and results
    extra         the options that middleware declares
    """

    __slots__ = ("extra", "fn", "in_main", "kind", "name", "options", "signature")

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        kind: Kind,
        options: Options,
        signature: Signature,
        door: Door,
        extra: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.fn = fn
        self.kind: Kind = kind
        self.options = options
        self.signature = signature
        self.extra = extra
        self.in_main = getattr(fn, "__module__", None) == "__main__"
        self._door = door

    def __repr__(self) -> str:
        return f"<Task {self.name} ({self.kind}, queue {self.options.queue})>"

    @property
    def wants_context(self) -> bool:
        """Whether a parameter is annotated `Context`."""
        return self.signature.context is not None

    def target(self) -> Callable[..., Any]:
        """What one run calls: the function, or a fresh instance of the class."""
        return cast("Callable[..., Any]", self.fn()) if isinstance(self.fn, type) else self.fn

    @property
    def door(self) -> Door:
        """The app it belongs to."""
        return self._door

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

    def using(self, **changes: Unpack[Changes]) -> Using[P, R]:
        """The same task with other options for the calls made through it.

        ``delay`` (seconds or timedelta) or ``eta`` (a datetime with a time zone): not before. ``queue``, ``priority``,
        ``unique``, ``unique_mode``, ``expires``, ``keep``: instead of the task's own. ``connection``: store the job in the
        caller's own transaction. ArgumentError: a value that cannot work.
        """
        return Using(self, overrides(changes, NO_OVERRIDES))

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        return self.request_with(NO_OVERRIDES, args, kwargs)

    def request_with(self, changes: Overrides, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        """A call under changed options, checked and encoded."""
        payload = self.signature.bind(args, kwargs)
        own = self.options
        if changes is NO_OVERRIDES and own.unique is None:
            return Request(
                self, payload, own.queue, own.priority, None, None, own.expires, None, None, own.keep
            )
        unique = own.unique if changes.unique is UNSET else changes.unique
        key = None if unique is None else self._key(unique, payload, args, kwargs)
        mode = own.unique_mode if changes.unique_mode is UNSET else changes.unique_mode
        request = Request(
            task=self,
            payload=payload,
            queue=own.queue if changes.queue is UNSET else changes.queue,
            priority=own.priority if changes.priority is UNSET else changes.priority,
            delay=None if changes.delay is UNSET else changes.delay,
            eta=None if changes.eta is UNSET else changes.eta,
            expires=own.expires if changes.expires is UNSET else changes.expires,
            unique=key,
            unique_mode=None if key is None else mode,
            keep=own.keep if changes.keep is UNSET else changes.keep,
            headers=None if changes.headers is UNSET else changes.headers,
        )
        if request.delay is not None and request.expires is not None and request.expires <= request.delay:
            raise ArgumentError(
                f"expires after {request.expires:g} s, before its delay of {request.delay:g} s is over"
            )
        return request

    def _key(self, unique: Unique, payload: bytes, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The unique key as it is stored. Two tasks never share one."""
        if unique is True:
            return f"{self.name}:{self.signature.digest(payload)}"
        return f"{self.name}:{check_key(unique(*args, **kwargs) if callable(unique) else unique)}"

    def _run_here(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.wants_context or any(isinstance(value, Context) for value in (*args, *kwargs.values())):
            return self.target()(*args, **kwargs)
        return self.invoke(self._context(), args, kwargs)

    def _context(self) -> Context:
        # A plain call is no job: its Context belongs to a record that no store has.
        record = JobRecord(new_id(), self.name, self.options.queue, b"", 0.0, 0.0, attempt=1)
        return Context(record)


class AsyncTask(Task[P, R]):
    """A task whose function is a coroutine function returning ``R``."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run it here, as part of the caller: ``await task(...)``. No job is made."""
        return cast("Coroutine[Any, Any, R]", self._run_here(args, kwargs))


class SyncTask(Task[P, R]):
    """A task whose function returns ``R``."""

    __slots__ = ()

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here and now. No job is made."""
        return cast("R", self._run_here(args, kwargs))


class Using(Verbs[P, R]):
    """A task with other options for the calls made through it: ``task.using(delay=60).enqueue(...)``."""

    __slots__ = ("_connection", "_overrides", "task")

    def __init__(self, task: Task[P, R], changes: Overrides) -> None:
        self.task = task
        self._door = task._door
        self._overrides = changes
        self._connection = changes.connection

    def using(self, **changes: Unpack[Changes]) -> Using[P, R]:
        """More changes, on top of these."""
        return Using(self.task, overrides(changes, self._overrides))

    def request(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Request:
        return self.task.request_with(self._overrides, args, kwargs)
