"""What is stored comes back the same, or is refused before it is stored."""

from __future__ import annotations

import enum
import math
import subprocess
import sys
import textwrap
from collections import Counter, OrderedDict, namedtuple
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.codec import ResultCodec, Undecodable, decode_result, describe
from longshore.codec.types import shape_of
from longshore.errors import ArgumentError, NotEncodable, TaskError
from longshore.signature import Signature

ITEM = TypeVar("ITEM")


NAIVE = datetime.fromisoformat("2020-01-01T00:00:00")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Mixed(enum.Enum):
    TEXT = "a"
    PAIR = (1, 2)


@dataclass
class Item:
    price: int
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Order:
    items: list[Item]
    placed: datetime
    note: str | None = None


@dataclass
class Tree:
    name: str
    children: list[Tree]


@dataclass(eq=False)
class Incomparable:
    number: float


@dataclass
class Shifty:
    number: int

    def __post_init__(self) -> None:
        self.number += 1


@dataclass
class Loose:
    data: Any
    where: Path | str


@dataclass
class Box(Generic[ITEM]):
    item: ITEM


@attrs.define
class Point:
    x: int
    _y: int = 0


class Packet(msgspec.Struct):
    data: bytes
    at: time | None = None


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: set[str]


class Place(NamedTuple):
    lat: float
    lon: float
    name: str | Path = "here"


class Settings(TypedDict, total=False):
    depth: int
    extra: Any


class User(pydantic.BaseModel):
    id: UUID
    born: date
    roles: set[str] = set()
    home: Path | None = None
    full_name: str = pydantic.Field(default="", alias="fullName", serialization_alias="name")


class Plain:
    pass


def there_and_back(annotation: Any, value: Any) -> Any:
    """The value as the task would get it."""

    def task(value: Any) -> None: ...

    task.__annotations__["value"] = annotation
    signature = Signature(task, "task")
    args, kwargs = signature.load(signature.bind((value,), {}))
    result = ResultCodec(annotation, shape_of(annotation))
    assert alike(result.decode(result.encode(value)), args[0])
    assert not kwargs
    return args[0]


def alike(one: Any, other: Any) -> bool:
    """Equal in value and type, all the way down; NaN is NaN, and aware times are instants."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return alike(list(one.items()), list(other.items()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, (float, Decimal)):
        return repr(one) == repr(other)
    if isinstance(one, datetime) and one.tzinfo is not None:
        return one.timestamp() == other.timestamp()
    if isinstance(one, Incomparable | Loose):
        return alike(vars(one), vars(other))
    return bool(one == other)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))]),
        min_value=NAIVE.replace(year=2),
    ),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.ip_addresses(),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])).map(Path),
    st.complex_numbers(allow_nan=False),
)
keys = st.one_of(st.text(), st.integers(-(2**63), 2**64 - 1), st.dates(), st.tuples(st.text(), st.booleans()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(keys, inner),
        st.sets(keys),
        st.frozensets(keys),
    ),
    max_leaves=20,
)


@given(values)
def test_undeclared_values_come_back_with_their_types(value: Any) -> None:
    assert alike(there_and_back(Any, value), value)


@given(values)
def test_values_within_declared_containers_come_back_with_their_types(value: Any) -> None:
    assert alike(there_and_back(dict[str, Any], {"a": value}), {"a": value})
    assert alike(there_and_back(Loose, Loose(value, Path("x"))).data, value)
    assert alike(there_and_back(list, [value]), [value])


TYPED = {
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(),
    str: st.text(),
    bool: st.booleans(),
    bytes: st.binary(),
    bytearray: st.binary().map(bytearray),
    datetime: st.datetimes(),
    date: st.dates(),
    time: st.times(),
    timedelta: st.timedeltas(),
    Decimal: st.decimals(allow_nan=False),
    UUID: st.uuids(),
    Path: st.sampled_from([Path("a/b"), Path("/"), Path("ü")]),
    PurePosixPath: st.just(PurePosixPath("a")),
    IPv4Address: st.ip_addresses(v=4),
    IPv6Network: st.just(IPv6Network("2001:db8::/32")),
    ZoneInfo: st.just(ZoneInfo("Europe/Berlin")),
    complex: st.complex_numbers(allow_nan=False),
    Colour: st.sampled_from(Colour),
    Level: st.sampled_from(Level),
    Access: st.sampled_from([Access.READ, Access.READ | Access.WRITE]),
    Mixed: st.sampled_from(Mixed),
    list[int]: st.lists(st.integers(0, 9)),
    set[str]: st.sets(st.text()),
    frozenset[UUID]: st.frozensets(st.uuids()),
    tuple[int, str]: st.tuples(st.integers(0, 9), st.text()),
    tuple[date, ...]: st.lists(st.dates()).map(tuple),
    dict[str, timedelta]: st.dictionaries(st.text(), st.timedeltas()),
    dict[tuple[int, int], Decimal]: st.dictionaries(st.tuples(st.just(1), st.just(1)), st.decimals(allow_nan=False)),
    Path | str: st.sampled_from([Path("a"), "a"]),
    UUID | str: st.one_of(st.uuids(), st.text()),
    bytes | str | None: st.one_of(st.binary(), st.text(), st.none()),
    datetime | date: st.one_of(st.datetimes(), st.dates()),
    int | float: st.one_of(st.integers(0, 9), st.floats()),
    list[int] | set[int] | tuple[int, ...]: st.sampled_from([[1], {1}, (1,)]),
    list[str | Path]: st.lists(st.sampled_from(["a", Path("a")])),
    Item | Tree: st.sampled_from([Item(1), Tree("a", [])]),
    Box[int] | Box[str]: st.sampled_from([Box(1), Box("1")]),
    Cat | Dog: st.sampled_from([Cat(9), Dog({"sit"})]),
    Order: st.builds(Order, items=st.lists(st.builds(Item, price=st.integers(0, 9))), placed=st.datetimes()),
    list[Order | None]: st.just([None, Order([Item(1, ["a"])], NAIVE, "x")]),
    Tree: st.just(Tree("a", [Tree("b", []), Tree("c", [Tree("d", [])])])),
    Box[Path | str]: st.just(Box(Path("a"))),
    Point: st.builds(Point, st.integers(0, 9), st.integers(0, 9)),
    Packet: st.builds(Packet, data=st.binary(), at=st.times() | st.none()),
    Place: st.just(Place(1.5, 2.5, Path("p"))),
    Settings: st.sampled_from([Settings(), Settings(depth=3, extra=(1,))]),
    Literal["a", 3]: st.sampled_from(["a", 3]),
    Literal[True, b"x"]: st.sampled_from([True, b"x"]),
    Annotated[int, msgspec.Meta(gt=0)]: st.integers(1, 9),
    Annotated[str, "a note"]: st.text(),
    User: st.builds(User, id=st.uuids(), born=st.dates(), roles=st.sets(st.text()), fullName=st.text()),
    list[User] | None: st.just([User(id=uuid4(), born=date(2000, 1, 1))]),
}  # fmt: skip


@pytest.mark.parametrize("annotation", TYPED, ids=str)
@given(data=st.data())
def test_declared_types_come_back(annotation: Any, data: st.DataObject) -> None:
    value = data.draw(TYPED[annotation])
    assert alike(there_and_back(annotation, value), value)


def test_what_is_widened_becomes_the_declared_type() -> None:
    assert alike(there_and_back(float, 1), 1.0)
    assert alike(there_and_back(Decimal, 5), Decimal(5))
    assert alike(there_and_back(int, Level.HIGH), 2)
    assert alike(there_and_back(Sequence[int], (1, 2)), [1, 2])
    assert alike(there_and_back(Iterable[int], {1}), [1])
    assert alike(there_and_back(dict[str, int], OrderedDict(a=1)), {"a": 1})


class Safe(str):
    def __str__(self) -> str:
        return "not this"


class Count(int):
    pass


class Ratio(float):
    pass


class Moment(datetime):
    pass


class Day(date):
    pass


def test_objects_of_a_subclass_become_the_declared_class() -> None:
    moment = Moment(2020, 1, 1, 5, 6, 7, 8)
    for annotation, value, plain in (
        (str, Safe("<b>"), "<b>"),
        (int, Count(3), 3),
        (float, Ratio(1.5), 1.5),
        (bytes, bytearray(b"x"), b"x"),
        (datetime, moment, datetime.fromisoformat(moment.isoformat())),
        (datetime, moment.replace(tzinfo=UTC), datetime(2020, 1, 1, 5, 6, 7, 8, tzinfo=UTC)),
        (date, Day(2020, 1, 1), date(2020, 1, 1)),
    ):
        assert alike(there_and_back(annotation, value), plain)
        assert alike(there_and_back(list[annotation], [value]), [plain])  # type: ignore[valid-type]
        assert alike(there_and_back(dict[str, annotation | Path], {"a": value}), {"a": plain})  # type: ignore[valid-type]
    assert alike(there_and_back(Item, Item(Count(3), [Safe("a")])), Item(3, ["a"]))


def test_numbers_at_the_edge_come_back() -> None:
    for number in (math.nan, math.inf, -math.inf, -0.0, 5e-324):
        assert alike(there_and_back(float, number), number)
        assert alike(there_and_back(list[float], [number]), [number])
        assert alike(there_and_back(Any, {"x": number}), {"x": number})


def test_an_aware_time_is_an_instant_also_in_the_hour_that_repeats() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for fold in (0, 1):
        moment = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold)
        for annotation in (datetime, Any):
            back = there_and_back(annotation, moment)
            assert back.timestamp() == moment.timestamp()
            assert back.tzinfo is UTC


def test_classes_without_equality_come_back() -> None:
    assert alike(there_and_back(Incomparable, Incomparable(math.nan)), Incomparable(math.nan))


def test_nul_is_text_like_any_other() -> None:
    assert there_and_back(str, "a\0b") == "a\0b"
    assert there_and_back(Any, {"\0": "\0"}) == {"\0": "\0"}


def refusal(annotation: Any, value: Any) -> str:
    with pytest.raises(ArgumentError) as raised:
        there_and_back(annotation, value)
    text = str(raised.value)
    assert text.startswith("task() argument value")
    assert text.count("\n") < 8
    kind = "NotEncodable " if type(raised.value) is NotEncodable else ""
    return kind + text.removeprefix("task() argument value")


def test_a_wrong_type_is_refused_with_its_path() -> None:
    now = NAIVE
    assert refusal(int, "1") == ": expected int, got str"
    assert refusal(int, True) == ": expected int, got bool"
    assert refusal(int, 1.0) == ": expected int, got float"
    assert refusal(int, None) == ": expected int, got None"
    assert refusal(str, b"x") == ": expected str, got bytes"
    assert refusal(list[int], (1,)) == ": expected list[int], got tuple"
    assert refusal(UUID, str(uuid4())) == ": expected UUID, got str"
    assert refusal(Path, "a") == ": expected pathlib.Path, got str"
    assert refusal(datetime, now.isoformat()) == ": expected datetime, got str"
    assert refusal(date, now) == ": expected date, got datetime.datetime"
    assert refusal(Colour, "red") == ": expected Colour, got str"
    assert refusal(Decimal, 0.1) == ": expected Decimal, got float"
    assert refusal(Order, Order([Item(1), Item("2")], now)) == ".items[1].price: expected int, got str"  # type: ignore[arg-type]
    assert refusal(Order, Item(1)) == f": expected {__name__}.Order, got {__name__}.Item"
    assert refusal(dict[str, list[int]], {"a": [1, "b"]}) == "['a'][1]: expected int, got str"
    assert refusal(dict[int, int], {"a": 1}) == "['a']: expected int, got str"
    assert refusal(tuple[int, str], (1,)) == ": expected tuple[int, str], got 1 items"
    assert refusal(tuple[int, str], (1, 2)) == "[1]: expected str, got int"
    assert refusal(Path | str, 5) == ": expected pathlib.Path | str, got int"
    assert refusal(list[Path | str], ["a", 5]) == "[1]: expected pathlib.Path | str, got int"
    assert refusal(Item | Tree, Tree("a", [5])).startswith(".children[0]: expected")  # type: ignore[list-item]
    assert refusal(Settings, {"depth": 1, "deph": 2}).endswith("has no key 'deph'")
    assert refusal(Settings, {"depth": "1"}) == "['depth']: expected int, got str"
    assert refusal(Literal["a", 3], "b") == ": expected one of 'a', 3"
    assert refusal(Annotated[int, msgspec.Meta(gt=0)], 0) == ": expected int >= 1"
    assert refusal(Packet, Packet("x")) == ".data: expected bytes, got str"  # type: ignore[arg-type]
    assert refusal(Point, Point("x")) == ".x: expected int, got str"  # type: ignore[arg-type]
    assert refusal(Place, Place(1.0, "x")) == ".lon: expected float, got str"  # type: ignore[arg-type]
    assert refusal(User, {"id": "x"}) == f": expected {__name__}.User, got dict"
    assert refusal(float, 2**53 + 1).startswith(": this integer is too large")


class Special(Item):
    pass


Pair = namedtuple("Pair", "a b")


def cyclic() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def tall(levels: int) -> Tree:
    tree = Tree("leaf", [])
    for _ in range(levels):
        tree = Tree("branch", [tree])
    return tree


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (2**64, "beyond 64 bits"),
        (-(2**63) - 1, "beyond 64 bits"),
        (10**400, "beyond 64 bits"),
        ("\ud800", "lone surrogate"),
        (Plain(), "annotate the parameter"),
        (Item(1), "annotate the parameter"),
        (Colour.RED, "annotate the parameter"),
        (Level.LOW, "annotate the parameter"),
        (Safe("x"), "annotate the parameter"),
        (Pair(1, 2), "annotate the parameter"),
        (OrderedDict(a=1), "annotate the parameter"),
        (Counter("a"), "annotate the parameter"),
        (User(id=uuid4(), born=date(2000, 1, 1)), "annotate the parameter"),
        (ZoneInfo("UTC"), "annotate the parameter"),
        (print, "annotate the parameter"),
        (ValueError("x"), "annotate the parameter"),
        (cyclic(), "containing itself"),
        (deep(65), "nested more than 64 deep"),
        (deep(100_000), "nested more than 64 deep"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), "years 1 to 9999"),
        (time(1, tzinfo=ZoneInfo("Europe/Berlin")), "changing offset"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_not_come_back_is_refused(value: Any, says: str) -> None:
    for annotation, wrap, path in (
        (Any, lambda inner: inner, ""),
        (Any, lambda inner: {"a": [1, inner]}, "['a'][1]"),
        (dict[str, Any], lambda inner: {"a": inner}, "['a']"),
    ):
        told = refusal(annotation, wrap(value))
        assert told.startswith(f"NotEncodable {path}")
        assert says in told


def test_values_of_the_right_type_without_a_stored_form_are_refused() -> None:
    assert refusal(int, 2**64).startswith("NotEncodable : an integer beyond 64 bits")
    assert refusal(list[str], ["a", "\udfff"]).startswith("NotEncodable [1]: text with a lone surrogate")
    assert refusal(dict[str, int], {"\udfff": 1}).startswith("NotEncodable ")
    assert refusal(datetime, datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))).startswith(
        "NotEncodable"
    )
    assert refusal(time, time(1, tzinfo=ZoneInfo("Europe/Berlin"))).startswith("NotEncodable")
    assert refusal(Tree, tall(40)).startswith("NotEncodable .children[0]")
    assert refusal(Tree, tall(100_000)).startswith("NotEncodable .children[0]")
    assert refusal(Item, Special(1)) == f": expected {__name__}.Item, got {__name__}.Special"
    assert "would not come back the same" in refusal(Shifty, Shifty(1))


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        (Plain, "has no stored form; make it a dataclass"),
        (list[Plain], "has no stored form"),
        (dict[str, Plain | int], "has no stored form"),
        (Counter, "has no stored form"),
        (ValueError, "has no stored form"),
        (Literal[Colour.RED], "declare the enum itself"),
        (type[int], "has no stored form"),
    ],
    ids=str,
)
def test_a_type_without_a_stored_form_is_refused_at_definition(annotation: Any, says: str) -> None:
    def task(value: Any) -> None: ...

    task.__annotations__["value"] = annotation
    with pytest.raises(TaskError, match=says) as raised:
        Signature(task, "shop.task")
    assert 'task "shop.task": parameter "value"' in str(raised.value)


# -- results ---------------------------------------------------------------------------------------------------------


def test_a_result_that_is_not_of_its_declared_type_is_kept_if_it_describes_itself() -> None:
    codec = ResultCodec(int, shape_of(int))
    assert codec.decode(codec.encode(None)) is None
    assert codec.decode(codec.encode((1, "a"))) == (1, "a")


def test_a_result_without_a_stored_form_is_refused_with_its_path() -> None:
    with pytest.raises(NotEncodable, match=r"the result cannot be stored: result\[1\]: .*Plain"):
        ResultCodec().encode([1, Plain()])
    with pytest.raises(NotEncodable, match=r"result\[0\]\.price: expected int, got str"):
        ResultCodec(list[Item], shape_of(list[Item])).encode([Item("x")])  # type: ignore[arg-type]


def test_a_result_whose_declared_type_has_changed_is_undecodable() -> None:
    payload = ResultCodec(str, shape_of(str)).encode("a")
    with pytest.raises(Undecodable, match="does not fit its declared type"):
        ResultCodec(int, shape_of(int)).decode(payload)
    with pytest.raises(Undecodable, match="does not fit its declared type"):
        ResultCodec(Tree, shape_of(Tree)).decode(payload)


def test_a_result_can_be_read_without_its_task() -> None:
    assert decode_result(None) is None
    assert decode_result(ResultCodec(Item, shape_of(Item)).encode(Item(1, ["a"]))) == {
        "price": 1,
        "tags": ["a"],
    }
    assert decode_result(ResultCodec().encode({(1, 2)})) == {(1, 2)}


# -- damaged and hostile bytes -----------------------------------------------------------------------------------


def anything(value: Any, order: Order, tree: Tree, path: Path | str) -> None: ...


SIGNATURE = Signature(anything, "anything")
GOOD = SIGNATURE.bind((({1}, Decimal(1), {(1,): Path("a")}), Order([Item(1)], NAIVE), Tree("a", []), "x"), {})


@given(st.binary())
def test_any_bytes_are_read_or_undecodable(body: bytes) -> None:
    for payload in (body, b"\x01" + body, b"\x01\x81\xa5value" + body, b"\x02" + body):
        for read in (SIGNATURE.load, describe, SIGNATURE.result.decode):
            with suppress(Undecodable):
                read(payload)


@given(st.data())
def test_damaged_bytes_are_read_or_undecodable(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    for damaged in (GOOD[:at], GOOD[:at] + data.draw(st.binary(min_size=1, max_size=3)) + GOOD[at + 1 :]):
        with suppress(Undecodable):
            SIGNATURE.load(damaged)


@pytest.mark.parametrize(
    "body",
    [
        b"\x91" * 100_000 + b"\x01",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xd4\x63\x00",
    ],
    ids=["deep", "long list", "long map", "long bytes", "long extension", "unknown extension"],
)
def test_a_bomb_is_undecodable(body: bytes) -> None:
    for payload in (b"\x02" + body, b"\x01\x81\xa5value" + body):
        with pytest.raises(Undecodable):
            describe(payload)
        with pytest.raises(Undecodable):
            SIGNATURE.load(payload)


def nested_extension(levels: int) -> bytes:
    body = b"\x90"
    for _ in range(levels):
        body = b"\x91" + b"\xc9" + len(body).to_bytes(4, "big") + b"\x01" + body
    return b"\x02" + body


def test_nested_extensions_are_undecodable_at_any_depth() -> None:
    assert describe(nested_extension(2)) == [((),)]
    for payload in (nested_extension(5_000), b"\x02" + b"\x91" * 100_000):
        with pytest.raises(Undecodable, match="nested too deeply"):
            describe(payload)


def test_a_format_of_a_later_release_says_so() -> None:
    with pytest.raises(Undecodable, match="format 9, where this release knows formats 1 and 2"):
        describe(b"\x09\x01")
    with pytest.raises(Undecodable, match="cannot be read: nothing"):
        describe(b"")


HOSTILE = """
    import random, sys
    from pathlib import Path
    from typing import Any
    from longshore.codec import Undecodable
    from longshore.signature import Signature

    def task(value: Any, path: Path | str = "x") -> None: ...

    signature = Signature(task, "task")
    good = [signature.bind((v,), {}) for v in ({1}, (1, {2: Path("x")}), 1j, [b"x" * 9])]
    names = [b"os.system", b"zone", b"path", b"builtins.eval", b"../../etc/passwd"]
    for name in names:
        inner = bytes([0x92, 0xA0 + len(name)]) + name + bytes([0xA0 + len(name)]) + name
        good.append(b"\\x01\\x81\\xa5value" + bytes([0xC7, len(inner), 6]) + inner)
    random.seed(1)
    seen = []
    watched = ("import", "exec", "compile", "open", "subprocess.Popen", "os.system", "socket.connect", "marshal.loads")
    for payload in good:  # whatever is loaded late is loaded now
        try:
            signature.load(payload)
        except Undecodable:
            pass
    sys.addaudithook(lambda event, args: seen.append((event, args)) if event in watched else None)
    for _ in range(20_000):
        payload = bytearray(random.choice(good))
        for _ in range(random.randrange(4)):
            payload[random.randrange(1, len(payload))] = random.randrange(256)
        try:
            signature.load(bytes(payload))
        except Undecodable:
            pass
    print(seen[:3])
    """


def test_hostile_bytes_import_open_and_run_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HOSTILE)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
