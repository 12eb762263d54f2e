"""Passwords in URLs are shown to nobody, least of all where the URL was written wrongly."""

import traceback

import pytest

from longshore import App
from longshore.errors import ConfigError, StoreUnavailable
from longshore.stores import open_store
from longshore.stores.address import masked, unencoded


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush@h:5/db?schema=x", "postgresql://me:***@h:5/db?schema=x"),
        ("postgresql://me:hu?sh@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me:hu/sh@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me:hu#sh@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me:hu@sh/hush@h/db", "postgresql://me:***@h/db"),
        ("postgresql://me:hu@sh@h/db", "postgresql://me:***@h/db"),
        ("redis://:hush@h,g:7/1", "redis://:***@h,g:7/1"),
        ("redis://hush@h", "redis://***@h"),
        ("unix://:hush@/run/v.sock", "unix://:***@/run/v.sock"),
        ("redis://h?password=hush&db=1", "redis://h?password=***&db=1"),
        ("redis:/:hush@h", "redis:***@h"),
        (":hush@h", ":***@h"),
        ("host=h password=hush dbname=x", "host=h password=*** dbname=x"),
        ("postgresql://h:5/db?user=me@corp", "postgresql://h:5/db?user=me@corp"),
        ("postgresql://me@h/db?options=a@b", "postgresql://me@h/db?options=a@b"),
        ("unix:///run/a@b/v.sock", "unix:///run/a@b/v.sock"),
    ],
)
def test_masked(url, shown):
    assert masked(url) == shown


def test_a_character_that_ends_a_password_too_early_is_named():
    for url, said in (
        ("postgresql://me:hu/sh@h/db", "%2F"),
        ("postgresql://me:hu@sh/hush@h/db", "%2F"),
        ("postgresql://me:hu?sh@h/db", "%3F"),
        ("postgresql://me:hu@sh@h/db", "%40"),
    ):
        assert said in (unencoded(url, once=True) or "")
        with pytest.raises(ConfigError) as caught:
            open_store(url)
        assert said in str(caught.value)
        assert "sh@" not in str(caught.value)
    assert unencoded("postgresql://h:5/db?user=me@corp") is None
    assert unencoded("redis://:hu@sh@h") is None


@pytest.mark.parametrize("url", ["host=h password=hush dbname=x", "redis:/:hush@h", "nothing:/hush:hush@h"])
def test_what_is_no_url_at_all_may_hold_a_password_too(url):
    for make in (lambda: open_store(url), lambda: App("memory://", outbox=url)):
        with pytest.raises(ConfigError) as caught:
            make()
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://me:hush@/db?host={}", "unix://:hush@{}/none"])
def test_frames_hold_no_password(url, tmp_path):
    """What error trackers show of a failure: the values of every frame below the caller's."""
    store = open_store(url.format(tmp_path))
    with pytest.raises(StoreUnavailable) as caught:
        store.open()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [
        frame for frame in told.stack if "longshore" in frame.filename and "tests" not in frame.filename
    ]
    assert frames
    assert "hush" not in str([frame.locals for frame in frames])
