"""From functions and classes to tasks, and from calls to requests."""

from __future__ import annotations

import abc
import asyncio
import functools
import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from longshore import App, crontab, every
from longshore.codec import describe
from longshore.context import Context
from longshore.errors import ArgumentError, NotEncodable, TaskError
from longshore.job import Job
from longshore.retry import Retry
from longshore.task import AsyncTask, Call, Request, SyncTask, Task, TaskDecorator


class Ledger:
    """An app that stores nothing: it keeps the requests, and gives them back as if they were jobs."""

    keep: float | None = 60.0
    middleware: Sequence[Any] = ()
    max_result = 1000

    def __init__(self) -> None:
        self.tasks: list[Task[..., Any]] = []
        self.batches: list[tuple[list[Request], Any]] = []
        self.task = TaskDecorator(self, self.tasks.append, {"audit": False})

    def enqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]:
        self.batches.append((list(requests), connection))
        return cast("Sequence[Job[Any]]", requests)

    async def aenqueue(self, requests: Sequence[Request], connection: Any = None) -> Sequence[Job[Any]]:
        return self.enqueue(requests, connection)

    @property
    def last(self) -> Request:
        return self.batches[-1][0][-1]


def sync(number: int, word: str = "x") -> str:
    return word * number


async def coroutine(number: int) -> int:
    return number + 1


def with_context(ctx: Context, number: int) -> tuple[str, int]:
    return ctx.task, number


class Resize:
    """A task of its own."""

    queue = "images"
    retry = 2
    timeout = timedelta(minutes=1)
    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def __call__(self, path: Path, width: int = 3) -> int:
        return width


class AsyncBody:
    name = "bodies.async"

    async def __call__(self, number: int) -> int:
        return number


class Outer:
    @staticmethod
    def inside(number: int) -> int:
        return number

    def method(self, number: int) -> None: ...


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


# -- definition ------------------------------------------------------------------------------------------------------


def test_a_function_is_a_task_with_the_name_of_its_module(ledger: Ledger) -> None:
    task = ledger.task(sync)
    assert isinstance(task, SyncTask)
    assert (task.name, task.kind, task.module, task.qualname) == (
        f"{__name__}.sync",
        "sync",
        __name__,
        "sync",
    )
    assert task.options.keep == 60
    assert ledger.tasks == [task]
    assert not task.in_main
    assert not task.wants_context
    assert repr(task) == f"<Task {__name__}.sync (sync, queue default)>"
    assert list(inspect.signature(task).parameters) == ["number", "word"]


def test_a_plain_call_runs_it_here(ledger: Ledger) -> None:
    assert ledger.task(sync)(2, word="ab") == "abab"
    assert asyncio.run(ledger.task(coroutine)(3)) == 4
    task = ledger.task(with_context)
    assert task(7) == (task.name, 7)
    assert ledger.task(Resize)(Path("x")) == 3
    assert ledger.batches == []


def test_a_plain_call_may_bring_its_own_context(ledger: Ledger) -> None:
    task: Any = ledger.task(with_context)
    context = task._context()
    assert task(context, 7) == (task.name, 7)
    assert task(ctx=context, number=7) == (task.name, 7)


def test_options_are_checked_and_kept(ledger: Ledger) -> None:
    decorate = ledger.task(
        name="mail.send",
        queue="mail",
        priority=-100,
        retry=5,
        timeout=timedelta(seconds=30),
        expires=60,
        unique="key",
        unique_mode="replace",
        keep=None,
        executor="thread",
        audit=True,
    )
    task = decorate(sync)
    assert task.name == "mail.send"
    options = msgspec.structs.asdict(task.options)
    assert options == {
        "queue": "mail",
        "priority": -100,
        "retry": Retry(5),
        "timeout": 30.0,
        "expires": 60.0,
        "unique": "key",
        "unique_mode": "replace",
        "keep": None,
        "executor": "thread",
    }
    assert task.extra == {"audit": True}
    assert ledger.task()(coroutine).extra == {"audit": False}
    assert ledger.task(retry=0)(coroutine).options.retry is None


def test_a_class_is_a_task_with_a_fresh_instance_a_run(ledger: Ledger) -> None:
    task = ledger.task(Resize)
    assert isinstance(task, SyncTask)
    assert (task.options.queue, task.options.retry, task.options.timeout) == ("images", Retry(2), 60.0)
    before = Resize.made
    assert task.target() is not task.target()
    assert Resize.made == before + 2
    task.enqueue(Path("a"), width=5)
    assert task.signature.load(ledger.last.payload) == ((Path("a"), 5), {})
    assert ledger.task(queue="other")(Resize).options.queue == "other"


def test_a_class_may_be_called_as_a_coroutine_and_name_itself(ledger: Ledger) -> None:
    task = ledger.task(AsyncBody)
    assert isinstance(task, AsyncTask)
    assert (task.name, task.kind) == ("bodies.async", "async")
    assert asyncio.run(task(5)) == 5


def test_a_process_task_is_one(ledger: Ledger) -> None:
    assert ledger.task(executor="process")(sync).kind == "process"
    assert ledger.task(executor="process")(Resize).kind == "process"
    assert ledger.task(executor="process")(Outer.inside).name == f"{__name__}.Outer.inside"


def test_a_nested_function_is_a_task_under_a_readable_name(ledger: Ledger) -> None:
    def inner() -> None: ...

    task = ledger.task(inner)
    assert task.name == f"{__name__}.test_a_nested_function_is_a_task_under_a_readable_name.inner"


def test_a_lambda_or_partial_is_a_task_if_it_is_given_a_name(ledger: Ledger) -> None:
    assert ledger.task(name="double")(lambda number: 2 * number)(4) == 8
    assert ledger.task(name="three")(functools.partial(sync, 3))("a") == "aaa"


def test_a_task_of_the_running_script_says_so() -> None:
    script = (
        "import sys; sys.modules['__main__'].__file__ = 'some/dir/my report.py'\n"
        "from longshore import App\n"
        "def job(): ...\n"
        "task = App('memory://').task(job)\n"
        "print(task.name, task.in_main)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["my_report.job", "True"]


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class NoCall:
    pass


class NeedsArguments:
    def __init__(self, size: int) -> None: ...

    def __call__(self) -> None: ...


class Abstract(abc.ABC):
    @abc.abstractmethod
    def __call__(self) -> None: ...


class BadOption:
    queue = "no good"

    def __call__(self) -> None: ...


def local() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


async def in_thread() -> None: ...


DEFINITIONS: list[tuple[Any, dict[str, Any], str]] = [
    (3, {}, "takes a function or a class with __call__, not 3"),
    (lambda: 1, {}, "a lambda has no name that a worker could know"),
    (functools.partial(sync, 3), {}, "has no name of its own"),
    (generator, {}, "generator"),
    (async_generator, {}, "generator"),
    (async_generator, {"executor": "process"}, "generator"),
    (coroutine, {"executor": "process"}, "coroutines run in the event loop"),
    (in_thread, {"executor": "thread"}, "coroutines run in the event loop"),
    (local(), {"executor": "process"}, "inside a function"),
    (Outer.method, {}, "is a method"),
    (NoCall, {}, "has no __call__"),
    (NeedsArguments, {}, "needs arguments"),
    (Abstract, {}, "is abstract"),
    (BadOption, {}, "queue must be"),
    (sync, {"quue": "x"}, 'no option "quue"; did you mean "queue"?'),
    (sync, {"audti": 1}, 'did you mean "audit"?'),
    (sync, {"name": "no good"}, "letters, digits"),
    (sync, {"name": ""}, "letters, digits"),
    (sync, {"name": "x" * 201}, "200 bytes"),
    (sync, {"name": "\ud800"}, "letters, digits"),
    (sync, {"name": None}, "letters, digits"),
    (sync, {"queue": "a b"}, "queue must be letters, digits"),
    (sync, {"queue": 3}, "queue must be letters, digits"),
    (sync, {"priority": 101}, "from -100 to 100"),
    (sync, {"priority": True}, "from -100 to 100"),
    (sync, {"priority": 1.0}, "from -100 to 100"),
    (sync, {"retry": -1}, "zero or more"),
    (sync, {"retry": "3"}, "retry must be"),
    (sync, {"timeout": 0}, "timeout must be more than zero"),
    (sync, {"timeout": "30"}, "timeout must be seconds or a timedelta"),
    (sync, {"timeout": float("nan")}, "timeout must be"),
    (sync, {"expires": timedelta(seconds=-1)}, "expires must be"),
    (sync, {"keep": -1}, "keep must be"),
    (sync, {"keep": 10**400}, "more than 100 years"),
    (sync, {"unique": ""}, "unique key"),
    (sync, {"unique": 1.5}, "unique key"),
    (sync, {"unique_mode": "ignore"}, "unique_mode must be one of"),
    (sync, {"executor": "fibre"}, "executor must be one of"),
]


@pytest.mark.parametrize(
    ("target", "given", "says"),
    DEFINITIONS,
    ids=lambda value: getattr(value, "__qualname__", str(value))[:40],
)
def test_what_cannot_be_a_task_is_refused_where_it_is_defined(
    ledger: Ledger, target: Any, given: dict[str, Any], says: str
) -> None:
    decorate: Any = ledger.task
    with pytest.raises(TaskError) as raised:
        decorate(**given)(target)
    text = str(raised.value)
    assert says in text
    assert text.count("\n") < 8
    assert ledger.tasks == []


def test_a_task_is_not_made_twice_of_one_another(ledger: Ledger) -> None:
    again: Any = ledger.task
    with pytest.raises(TaskError, match="is a task already"):
        again(ledger.task(sync))


# -- requests --------------------------------------------------------------------------------------------------------


def test_a_call_becomes_a_request_and_a_record(ledger: Ledger) -> None:
    task = ledger.task(queue="mail", priority=3, expires=90, keep=5)(sync)
    task.enqueue(2, word="b")
    record = ledger.last.record("0" * 32, 1000.0)
    assert describe(record.args) == {"number": 2, "word": "b"}
    stored = {name: getattr(record, name) for name in record.__struct_fields__ if name != "args"}
    assert {name: value for name, value in stored.items() if value is not None} == {
        "id": "0" * 32,
        "task": f"{__name__}.sync",
        "queue": "mail",
        "run_at": 1000.0,
        "created_at": 1000.0,
        "priority": 3,
        "state": "queued",
        "attempt": 0,
        "failures": 0,
        "crashes": 0,
        "expires_at": 1090.0,
        "keep": 5.0,
        "cancel_requested": False,
    }


def test_using_changes_what_it_names_and_nothing_else(ledger: Ledger) -> None:
    task = ledger.task(queue="mail", priority=3, expires=90, unique="a")(sync)
    task.using(delay=timedelta(seconds=30), priority=-5).enqueue(1)
    request = ledger.last
    assert (request.delay, request.priority, request.queue, request.expires) == (30.0, -5, "mail", 90.0)
    assert request.unique == f"{task.name}:a"
    assert request.record("x", 100.0).run_at == 130.0

    connection = object()
    task.using(queue="slow", expires=None, unique=None, keep=None, connection=connection).enqueue(1)
    request = ledger.last
    assert (request.queue, request.expires, request.unique, request.unique_mode) == ("slow", None, None, None)
    assert request.keep is None
    assert ledger.batches[-1][1] is connection


def test_the_last_word_of_using_counts(ledger: Ledger) -> None:
    eta = datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    using = ledger.task(sync).using(delay=5, queue="a").using(eta=eta, queue="b")
    using.enqueue(1)
    assert (ledger.last.delay, ledger.last.eta, ledger.last.queue) == (None, eta.timestamp(), "b")
    assert ledger.last.record("x", 0.0).run_at == eta.timestamp()
    using.using(delay=7).enqueue(1)
    assert (ledger.last.delay, ledger.last.eta) == (7.0, None)


NAIVE = datetime.fromisoformat("2030-01-01T00:00:00")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dealy": 3}, 'no option "dealy"; did you mean "delay"?'),
        ({"timeout": 3}, 'no option "timeout"'),
        ({"delay": -1}, "delay must be zero or more"),
        ({"delay": "5"}, "delay must be seconds or a timedelta"),
        ({"delay": True}, "delay must be seconds or a timedelta"),
        ({"delay": float("inf")}, "delay is more than 100 years"),
        ({"delay": 1, "eta": datetime(2030, 1, 1, tzinfo=UTC)}, "not both"),
        ({"eta": NAIVE}, "has no time zone"),
        ({"eta": 1234567890}, "eta must be a datetime"),
        ({"queue": "a/b"}, "queue must be letters"),
        ({"priority": 1000}, "from -100 to 100"),
        ({"expires": 0}, "expires must be more than zero"),
        ({"unique": "a\0b"}, "NUL"),
        ({"unique": "\ud800"}, "surrogate"),
        ({"unique": "x" * 501}, "at most 500 bytes"),
        ({"unique_mode": "first"}, "unique_mode must be one of"),
        ({"headers": {"a": 1}}, "text to text"),
        ({"headers": "a"}, "text to text"),
        ({"headers": {"a": "\ud800"}}, "surrogates"),
    ],
    ids=str,
)
def test_a_change_that_cannot_work_is_refused_at_once(
    ledger: Ledger, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(ArgumentError) as raised:
        ledger.task(sync).using(**changes)
    assert says in str(raised.value)


def test_a_job_that_would_expire_before_it_may_begin_is_refused(ledger: Ledger) -> None:
    task = ledger.task(expires=60)(sync)
    with pytest.raises(ArgumentError, match="expires after 60 s, before its delay of 60 s"):
        task.using(delay=60).enqueue(1)
    assert ledger.batches == []


def test_wrong_arguments_store_nothing(ledger: Ledger) -> None:
    task: Any = ledger.task(sync)
    for verb in (task.enqueue, task.call, task.using(delay=1).enqueue, task.using(delay=1).call):
        with pytest.raises(ArgumentError, match=r"sync\(\) argument number: expected int, got str"):
            verb("1")
    with pytest.raises(ArgumentError, match="missing argument"):
        asyncio.run(task.aenqueue())
    assert ledger.batches == []


# -- unique ----------------------------------------------------------------------------------------------------------


def test_a_unique_key_is_the_tasks_own(ledger: Ledger) -> None:
    one, other = ledger.task(unique=7)(sync), ledger.task(unique="7", unique_mode="reject")(coroutine)
    one.enqueue(1)
    assert (ledger.last.unique, ledger.last.unique_mode) == (f"{one.name}:7", "existing")
    other.enqueue(1)
    assert (ledger.last.unique, ledger.last.unique_mode) == (f"{other.name}:7", "reject")
    one.using(unique_mode="replace").enqueue(1)
    assert ledger.last.unique_mode == "replace"


def test_a_unique_key_may_be_made_of_the_arguments(ledger: Ledger) -> None:
    task = ledger.task(unique=lambda number, word="none": f"{number}-{word}")(sync)
    task.enqueue(5)
    assert ledger.last.unique == f"{task.name}:5-none"
    task.using(unique=lambda number, **rest: number).enqueue(6, word="b")
    assert ledger.last.unique == f"{task.name}:6"
    with pytest.raises(ArgumentError, match="unique key must be text"):
        task.using(unique=lambda *args, **kwargs: None).enqueue(6)


def test_unique_true_makes_the_arguments_the_key(ledger: Ledger) -> None:
    task = ledger.task(unique=True)(sync)
    keys = []
    for args, kwargs in (((1, "a"), {}), ((1,), {"word": "a"}), ((2, "a"), {})):
        task.enqueue(*args, **kwargs)
        keys.append(ledger.last.unique)
    assert keys[0] == keys[1] != keys[2]


# -- many ------------------------------------------------------------------------------------------------------------


def test_rows_are_calls_tuples_and_dicts(ledger: Ledger) -> None:
    task = ledger.task(sync)
    rows = [task.call(1), (2, "b"), {"number": 3}, task.using(delay=9).call(4)]
    assert len(task.enqueue_many(rows)) == 4
    assert len(ledger.batches) == 1
    requests = ledger.batches[0][0]
    assert [describe(request.payload)["number"] for request in requests] == [1, 2, 3, 4]
    assert requests[3].delay == 9
    assert asyncio.run(task.using(queue="q").aenqueue_many(iter(rows[1:3])))
    assert {request.queue for request in ledger.batches[1][0]} == {"q"}


def test_one_bad_row_refuses_all_and_is_named(ledger: Ledger) -> None:
    task: Any = ledger.task(sync)
    other = ledger.task(coroutine)
    for row, says in (
        (("x",), r"row 1: .*sync\(\) argument number: expected int, got str"),
        ({"nmber": 1}, r'row 1: .*no argument "nmber"; did you mean "number"'),
        ({1: 1}, r'row 1: .*no argument "1"'),
        ([1], "row 1: .*got list"),
        (5, "row 1: .*got int"),
        (other.call(1), "row 1: a call of .*coroutine: mix tasks with app.enqueue_many"),
        (task.using(connection=object()).call(1), "row 1: has a connection of its own"),
    ):
        with pytest.raises(ArgumentError, match=says):
            task.enqueue_many([(1,), row])
    with pytest.raises(NotEncodable, match="row 0"):
        task.enqueue_many([(2**64,)])
    assert ledger.batches == []


def test_a_call_is_bound_at_once_and_enqueued_later(ledger: Ledger) -> None:
    task = ledger.task(sync)
    call = task.using(priority=4, headers={"a": "1"}).call(5)
    assert isinstance(call, Call)
    assert ledger.batches == []
    call.enqueue()
    asyncio.run(_run(call.aenqueue()))
    assert [request.priority for requests, _ in ledger.batches for request in requests] == [4, 4]
    call.with_headers({"parent": "p"}).enqueue()
    headers = ledger.last.record("x", 0.0).headers
    assert headers is not None
    assert msgspec.msgpack.decode(headers) == {"a": "1", "parent": "p"}
    assert call.request.headers == {"a": "1"}


async def _run(job: Awaitable[Any]) -> Any:
    return await job


# -- running ---------------------------------------------------------------------------------------------------------


def test_a_run_gets_its_context_and_its_result_is_stored(ledger: Ledger) -> None:
    task = ledger.task(with_context)
    task.enqueue(3)
    args, kwargs = task.signature.load(ledger.last.payload)
    context = task._context()
    value = task.invoke(context, args, kwargs)
    assert task.decode_result(task.encode_result(value)) == (task.name, 3)
    assert task.decode_result(None) is None


def test_a_result_without_a_stored_form_names_the_task(ledger: Ledger) -> None:
    def task() -> Any: ...

    with pytest.raises(NotEncodable, match="bad: the result cannot be stored: result: object is not stored"):
        ledger.task(name="bad")(task).encode_result(object())


def test_a_parameter_may_have_any_name(ledger: Ledger) -> None:
    def odd(self: int, args: int, fn: int = 0, task: int = 0, cls: int = 0) -> int:
        return self + args + fn + task + cls

    task: Any = ledger.task(name="odd")(odd)
    task.enqueue(self=1, args=2, fn=3, task=4, cls=5)
    assert task.signature.load(ledger.last.payload) == ((1, 2, 3, 4, 5), {})
    assert task(self=1, args=2) == 3
    task.enqueue_many([{"self": 1, "args": 2}])


def test_a_task_made_of_a_class_can_be_inherited_from() -> None:
    app = App("memory://")

    @app.task
    class Greet:
        queue = "greetings"
        word = "hello"

        def __call__(self, name: str) -> str:
            return f"{self.word} {name}"

    @app.task
    class Shout(Greet):  # type: ignore[misc,valid-type]
        word = "HELLO"

        async def __call__(self, name: str) -> str:
            return str(super().__call__(name.upper()))

    assert Greet("bo") == "hello bo"
    assert asyncio.run(Shout("bo")) == "HELLO BO"
    assert (Shout.kind, Shout.options.queue) == ("async", "greetings")
    assert app.tasks.keys() >= {Greet.name, Shout.name}

    @app.task
    def plain() -> None: ...

    with pytest.raises(TaskError, match="made of a function"):

        class Of(plain):  # type: ignore[misc,valid-type]
            pass


def test_errors_of_definitions_are_value_errors() -> None:
    app = App("memory://")
    for wrong in (lambda: crontab(minute=60), lambda: every(0), lambda: app.task(retry=-1)(plain_one)):
        with pytest.raises(ValueError, match=r"60|more than zero|Retry"):
            wrong()


def plain_one() -> None: ...
