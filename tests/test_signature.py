"""How calls are bound, checked, stored and read back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, ParamSpec, TypedDict, Unpack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.codec import Undecodable, describe
from longshore.context import Context
from longshore.errors import ArgumentError, NotEncodable, TaskError
from longshore.signature import Signature

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForCheckers

    from longshore.context import Context as HiddenContext


@dataclass
class Item:
    price: int


def send_invoice(order_id: int, template: str = "plain", *, copies: int = 1) -> dict[str, Any]:
    return locals()


def plain(a: int, b: int = 2, c: int = 3) -> dict[str, Any]:
    return locals()


def positional(a: int, /, b: int = 2, *rest: int, c: int = 3, **named: str) -> dict[str, Any]:
    return locals()


def only_variable(*args: Path, **kwargs: Item) -> dict[str, Any]:
    return locals()


def untyped(a, b=None, *rest, **named):  # type: ignore[no-untyped-def]
    return locals()


def gap(a: int = 1, b: int = 2, /, c: int = 3) -> dict[str, Any]:
    return locals()


def late_keywords(a: int = 0, /, **named: int) -> dict[str, Any]:
    return locals()


def all_kinds(a: int, b: int = 0, /, c: int = 0, *rest: int, d: int, **named: int) -> dict[str, Any]:
    return locals()


def contextual(ctx: Context, a: int, b: int = 2) -> dict[str, Any]:
    return locals()


def of(fn: Callable[..., Any]) -> Signature:
    return Signature(fn, fn.__name__)


def as_called(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What the function's own parameters get, by Python's word: these functions return their locals."""
    return dict(fn(*args, **kwargs))


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (send_invoice, (1,), {}),
    (send_invoice, (1, "x"), {"copies": 3}),
    (send_invoice, (), {"template": "x", "order_id": 1}),
    (plain, (1,), {}),
    (plain, (1,), {"c": 5}),
    (plain, (1, 2, 3), {}),
    (positional, (1,), {}),
    (positional, (1, 2, 3, 4), {"c": 5, "x": "y"}),
    (positional, (1,), {"b": 7, "c": 5, "a": "named like the first"}),
    (only_variable, (Path("a"), Path("b")), {"x": Item(1)}),
    (only_variable, (), {}),
    (untyped, (1, (2,), {3}, b"4"), {"x": Path("y")}),
    (untyped, ({"a": 1},), {}),
    (gap, (5,), {"c": 6}),
    (gap, (), {"c": 6}),
    (gap, (5, 6, 7), {}),
]


@pytest.mark.parametrize(("fn", "args", "kwargs"), CALLS)
def test_the_function_gets_what_the_caller_gave(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    signature = of(fn)
    loaded = signature.load(signature.bind(args, kwargs))
    assert as_called(fn, *loaded) == as_called(fn, args, kwargs)


@given(args=st.lists(st.integers(0, 9), max_size=5), names=st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_a_call_is_taken_exactly_if_python_takes_it(args: list[int], names: set[str]) -> None:
    kwargs = dict.fromkeys(names, 1)
    for fn in (plain, gap, untyped, late_keywords, all_kinds):
        signature = of(fn)
        try:
            expected = as_called(fn, tuple(args), kwargs)
        except TypeError:
            with pytest.raises(ArgumentError):
                signature.bind(args, kwargs)
        else:
            loaded = signature.load(signature.bind(args, kwargs))
            assert as_called(fn, *loaded) == expected


def says(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(ArgumentError) as raised:
        of(fn).bind(args, kwargs)
    assert isinstance(raised.value, TypeError)
    return str(raised.value)


def test_a_call_that_does_not_fit_is_told_as_python_would() -> None:
    assert says(send_invoice) == 'send_invoice() missing argument "order_id"'
    assert says(contextual) == 'contextual() missing argument "a"'
    assert says(send_invoice, 1, "a", "b") == "send_invoice() takes 2 positional arguments, got 3"
    assert says(send_invoice, 1, order_id=2) == 'send_invoice() got argument "order_id" twice'
    assert says(send_invoice, order=1) == 'send_invoice() has no argument "order"; did you mean "order_id"?'
    assert says(gap, a=1) == 'gap() has no argument "a"'
    assert says(positional, b=1) == 'positional() missing argument "a"'

    def two(a: int, b: int) -> None: ...

    assert says(two) == 'two() missing arguments "a", "b"'


def test_a_wrong_argument_is_named_with_its_path() -> None:
    assert says(send_invoice, "1") == "send_invoice() argument order_id: expected int, got str"
    assert says(send_invoice, 1, copies="x") == "send_invoice() argument copies: expected int, got str"
    assert says(positional, 1, 2, 3, "x") == "positional() argument rest[1]: expected int, got str"
    assert says(positional, 1, x=3) == "positional() argument named['x']: expected str, got int"
    assert (
        says(only_variable, x=Item("1"))
        == "only_variable() argument kwargs['x'].price: expected int, got str"
    )  # type: ignore[arg-type]
    assert "a[0]: an integer beyond 64 bits" in says(untyped, [2**64])
    # Also where another argument needs a second look first.
    assert says(send_invoice, 1, "\ud800", copies="x").startswith(
        "send_invoice() argument template: text with a lone"
    )


def test_defaults_are_left_to_the_function() -> None:
    assert describe(of(plain).bind((1,), {})) == {"a": 1}
    assert of(plain).load(of(plain).bind((1,), {})) == ((1,), {})
    assert of(plain).load(of(plain).bind((1,), {"c": 9})) == ((), {"a": 1, "c": 9})


# -- the next release ------------------------------------------------------------------------------------------------


def test_a_parameter_may_be_added_with_a_default_and_parameters_may_move() -> None:
    def later(extra: str = "x", *, c: int = 3, b: int = 2, a: int) -> dict[str, Any]:
        return locals()

    loaded = of(later).load(of(plain).bind((1, 5), {}))
    assert as_called(later, *loaded) == {"extra": "x", "a": 1, "b": 5, "c": 3}


def test_an_argument_the_function_no_longer_takes_is_an_error_not_dropped() -> None:
    def later(a: int) -> None: ...

    with pytest.raises(Undecodable, match=r'later\(\) was enqueued with an argument "b"'):
        of(later).load(of(plain).bind((1, 5), {}))


def test_a_parameter_added_without_a_default_or_changed_in_type_is_an_error() -> None:
    def longer(a: int, new: str) -> None: ...

    def changed(a: str) -> None: ...

    payload = of(plain).bind((1,), {})
    with pytest.raises(Undecodable, match=r'longer\(\) was enqueued without an argument "new"'):
        of(longer).load(payload)
    with pytest.raises(Undecodable, match=r"changed\(\).*a: expected str, got int"):
        of(changed).load(payload)


def test_a_parameter_may_become_a_union_or_lose_its_type() -> None:
    def before(path: Path, item: Item) -> None: ...

    def union(path: Path | str, item: Item | None) -> None: ...

    def loose(path: Any, item: Any) -> None: ...

    payload = of(before).bind((Path("a"), Item(1)), {})
    assert of(union).load(payload) == ((Path("a"), Item(1)), {})
    assert of(loose).load(payload) == (("a", {"price": 1}), {})


# -- the Context ---------------------------------------------------------------------------------------------------


def optional(a: int, ctx: Context | None = None) -> dict[str, Any]:
    return locals()


def old_style(a: int, *, ctx: Optional[Context] = None) -> dict[str, Any]:  # noqa: UP045
    return locals()


def hidden(a: int, ctx: HiddenContext) -> dict[str, Any]:
    return locals()


def hidden_by_its_own_name(a: int, ctx: checkers.Context | None) -> dict[str, Any]:  # type: ignore[name-defined] # noqa: F821
    return locals()


def in_between(a: int, ctx: Context, b: int = 2, *rest: int) -> dict[str, Any]:
    return locals()


def by_position(ctx: Context, a: int, /) -> dict[str, Any]:
    return locals()


def no_context(a: int) -> dict[str, Any]:
    return locals()


@pytest.mark.parametrize(
    "fn", [contextual, optional, old_style, hidden_by_its_own_name, in_between, by_position, no_context]
)
def test_the_context_is_injected_and_never_stored(fn: Callable[..., Any]) -> None:
    signature = of(fn)
    payload = signature.bind((7,), {})
    assert describe(payload) == {"a": 7}
    context = object()
    called = as_called(fn, *signature.inject(*signature.load(payload), context))
    assert called["a"] == 7
    assert called.get("ctx") is (None if fn is no_context else context)
    assert signature.context == (None if fn is no_context else "ctx")


def test_arguments_after_the_context_find_their_places() -> None:
    signature = of(in_between)
    for args, kwargs in (((1, 5, 6), {}), ((1,), {"b": 5}), ((), {"a": 1})):
        called = as_called(
            in_between, *signature.inject(*signature.load(signature.bind(args, kwargs)), "ctx")
        )
        assert (called["a"], called["ctx"]) == (1, "ctx")


def test_a_caller_cannot_store_a_context() -> None:
    assert says(contextual, 1, ctx=3) == 'contextual() has no argument "ctx"'


def test_another_class_called_context_is_an_argument() -> None:
    @dataclass
    class Context:
        number: int

    def task(ctx: Context) -> None: ...

    task.__annotations__["ctx"] = Context
    signature = of(task)
    assert signature.context is None
    assert signature.load(signature.bind((Context(1),), {})) == ((Context(1),), {})


# -- annotations ---------------------------------------------------------------------------------------------------


def early(item: Later) -> Later: ...


@dataclass
class Later:
    number: int


EARLY = Signature(early, "early")


def test_a_class_further_down_is_found_at_first_use() -> None:
    assert EARLY.load(EARLY.bind((Later(1),), {})) == ((Later(1),), {})
    assert EARLY.result.decode(EARLY.result.encode(Later(2))) == Later(2)


def never(amount: OnlyForCheckers) -> None: ...


def result_for_checkers(a: int) -> OnlyForCheckers: ...


def test_a_name_for_type_checkers_only_is_told_at_first_use() -> None:
    signature = Signature(never, "shop.never")
    with pytest.raises(TaskError) as raised:
        signature.bind((1,), {})
    text = str(raised.value)
    assert 'task "shop.never"' in text
    assert 'parameter "amount"' in text
    assert "OnlyForCheckers" in text
    assert "TYPE_CHECKING" in text


def test_a_result_named_for_type_checkers_only_describes_itself() -> None:
    codec = of(result_for_checkers).result
    assert codec.decode(codec.encode((1, {2}))) == (1, {2})


def test_annotations_are_those_of_a_wrapped_function() -> None:
    @functools.wraps(send_invoice)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    assert says(wrapper, "1") == "send_invoice() argument order_id: expected int, got str"


def test_a_class_of_the_enclosing_function_that_is_used_inside_is_found() -> None:
    @dataclass
    class Inner:
        number: int

    def task(value: Inner) -> Inner:
        return Inner(value.number)

    assert of(task).load(of(task).bind((Inner(1),), {})) == ((Inner(1),), {})


def test_a_method_is_bound_without_its_instance() -> None:
    class Resize:
        def __call__(self, path: Path, width: int = 3) -> None: ...

    signature = Signature(Resize.__call__, "resize", bound=True)
    assert signature.load(signature.bind((Path("a"),), {})) == ((Path("a"),), {})


# -- keys ------------------------------------------------------------------------------------------------------------


def keyed(a: Any, b: dict[str, set[str]] | None = None) -> None: ...


def test_equal_arguments_have_equal_digests_whatever_their_order() -> None:
    signature = of(keyed)
    words = [str(number) for number in range(50)]
    one = signature.bind(({"x": set(words), "y": 1}, {"p": set(words), "q": set()}), {})
    backwards: set[str] = set()
    backwards.update(words[::-1])
    other = signature.bind(({"y": 1, "x": backwards},), {"b": {"q": set(), "p": backwards}})
    assert signature.digest(one) == signature.digest(other)
    assert signature.digest(one) != signature.digest(signature.bind((1,), {}))
    # Of a fixed value, because jobs of another process are compared with it.
    assert signature.digest(signature.bind((1, {"a": {"b"}}), {})) == "437997bf3989a6e0fd0206171197a768"


def test_struct_defaults_do_not_leak_between_calls() -> None:
    signature = of(untyped)
    first = signature.load(signature.bind(([],), {}))[0][0]
    first.append(1)
    assert signature.load(signature.bind(([],), {})) == (([],), {})


def test_a_parameter_that_cannot_be_stored_is_fine_while_its_default_is_used() -> None:
    class Client:
        pass

    def task(a: int, client: Client | None = None) -> None: ...

    task.__annotations__["client"] = Client | None
    signature = of(task)
    assert signature.load(signature.bind((1,), {})) == ((1,), {})
    with pytest.raises(NotEncodable, match=r"argument client: .*Client has no stored form"):
        signature.bind((1, Client()), {})


class Flags(TypedDict, total=False):
    depth: int
    name: str


def unpacked(**flags: Unpack[Flags]) -> None: ...


P = ParamSpec("P")


def passed_on(fn: Callable[P, None]) -> Callable[P, None]:
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        fn(*args, **kwargs)

    return wrapper


def test_keywords_may_be_declared_by_a_typed_dict() -> None:
    signature = of(unpacked)
    assert signature.load(signature.bind((), {"depth": 1})) == ((), {"depth": 1})
    assert says(unpacked, depth="1") == "unpacked() argument flags['depth']: expected int, got str"
    assert "has no key 'deep'" in says(unpacked, deep=1)


def test_a_wrapper_that_passes_everything_on_takes_everything() -> None:
    signature = of(passed_on(lambda a, b: None))
    assert signature.load(signature.bind((1, (2,)), {"b": {3}})) == ((1, (2,)), {"b": {3}})


def test_parameters_may_begin_with_an_underscore() -> None:
    def task(_a: int, *, _b: Path, _c: int = 3) -> None: ...

    signature = of(task)
    assert signature.load(signature.bind((1,), {"_b": Path("b")})) == ((), {"_a": 1, "_b": Path("b")})

    def mangled(__a: int) -> None: ...

    with pytest.raises(TaskError, match="one underscore at most"):
        of(mangled)


def test_nothing_of_a_payload_is_executed_by_describing_it() -> None:
    payload = b"\x01" + msgspec.msgpack.encode({"a": {"__class__": "os.system", "args": ["true"]}})
    assert describe(payload) == {"a": {"__class__": "os.system", "args": ["true"]}}
