"""Texts, numbers and bytes come back as they were, alone and in arrays."""

import math

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from longshore.model import Change
from longshore.stores import open_store
from longshore.stores.postgres.text import MARK, read, stored
from longshore.testing.samples import everything, job
from servers import postgres

TEXTS = st.text(
    alphabet=st.sampled_from(["\0", MARK, "0", "1", '"', "\\", "{", "}", ",", " ", "N", "é"]), max_size=8
)


@given(TEXTS, TEXTS)
def test_text_is_written_without_nul_and_no_two_alike(one, other):
    assert "\0" not in stored(one)
    assert read(stored(one)) == one
    assert (stored(one) == stored(other)) == (one == other)


def test_no_text_is_no_text():
    assert stored(None) is None


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(TEXTS, st.none() | TEXTS, st.binary(max_size=9), st.none() | st.floats(allow_nan=False)),
        min_size=1,
        max_size=5,
    )
)
def test_everything_comes_back_from_arrays(rows):
    store = open_store(postgres.place("texts"))
    store.open()
    with store.pool.lent() as connection:
        connection.execute("TRUNCATE texts.jobs")
    many = [
        job(n, task=task, reason=reason, args=args, expires_at=at, cancel_requested=n % 2 == 0)
        for n, (task, reason, args, at) in enumerate(rows)
    ]
    assert store.add(many) == many
    assert everything(store) == {one.id: one for one in many}
    fields = ("task", "reason", "args", "expires_at", "cancel_requested")
    turned = many[::-1]
    changes = [
        Change(one.id, "queued", 0, {name: getattr(other, name) for name in fields})
        for one, other in zip(many, turned, strict=True)
    ]
    assert store.apply(changes) == {one.id for one in many}
    assert [everything(store)[one.id] for one in many] == [
        msgspec.structs.replace(other, id=one.id) for one, other in zip(many, turned, strict=True)
    ]
    store.close()


def test_times_without_end():
    store = open_store(postgres.place("texts"))
    store.open()
    with store.pool.lent() as connection:
        connection.execute("TRUNCATE texts.jobs")
    many = [job(1, expires_at=math.inf), job(2, expires_at=-math.inf), job(3, at=math.inf)]
    assert store.add(many) == many
    assert everything(store) == {one.id: one for one in many}
    store.close()
