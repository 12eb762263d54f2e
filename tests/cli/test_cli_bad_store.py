"""Stores that cannot be used, and command lines that cannot be meant."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from cli_shop import Shop

_URLS = [
    ("jobs.db", 2, ["jobs.db", "sqlite:///jobs.db"]),
    ("sqlit:///jobs.db", 2, ["sqlit:///jobs.db", "sqlite://"]),
    ("sqlite://jobs.db", 2, ["sqlite://jobs.db", "sqlite:///jobs.db"]),
    ("sqlite:///", 2, ["names no file"]),
    ("sqlite:///jobs.db?sync=off", 2, ["sync", "synchronous"]),
    ("rediz://user:secret@host", 2, ["rediz", "did you mean", "redis://"]),
    ("unix:///no/such/socket", 4, ["/no/such/socket"]),
    ("memory://", 2, ["memory://", "sqlite:///jobs.db"]),
    ("sqlite:///nosuch.db", 4, ["nosuch.db", "--app"]),
    ("sqlite:///no/such/folder/jobs.db", 4, ["no/such/folder"]),
]


@pytest.mark.parametrize(("url", "code", "words"), _URLS, ids=[form[0] for form in _URLS])
def test_a_url_that_leads_nowhere(
    bare: Shop, refused: Callable[..., None], url: str, code: int, words: list[str]
) -> None:
    said = bare.run("stats", "--url", url)
    refused(said, code, *words)
    assert "secret" not in said.err
    assert os.listdir(bare.folder) == []


def _at(shop: Shop, url: str) -> None:
    shop.write("tasks.py", f"from longshore import App\napp = App({url!r})\n")


@pytest.mark.parametrize("command", [["worker"], ["enqueue", "x"], ["stats"]], ids=lambda words: words[0])
def test_a_file_that_is_not_ours(bare: Shop, refused: Callable[..., None], command: list[str]) -> None:
    bare.write("letter.db", "Dear Sir or Madam, " * 100)
    _at(bare, "sqlite:///letter.db")
    if command[0] == "enqueue":
        bare.write(
            "tasks.py",
            "from longshore import App\napp = App('sqlite:///letter.db')\n@app.task(name='x')\ndef x(): ...\n",
        )
    refused(bare.run(*command), 5, "letter.db")
    assert (bare.folder / "letter.db").read_text().startswith("Dear Sir")


def test_another_programs_database(bare: Shop, refused: Callable[..., None]) -> None:
    with closing(sqlite3.connect(bare.folder / "other.db")) as other:
        other.execute("PRAGMA application_id = 7")
        other.execute("CREATE TABLE theirs (x)")
    _at(bare, "sqlite:///other.db")
    refused(bare.run("worker"), 5, "other.db", "another program", "name another file")


def test_a_schema_from_the_future(shop: Shop, refused: Callable[..., None]) -> None:
    shop.enqueue("hello", "name=you")
    with closing(sqlite3.connect(shop.folder / "jobs.db")) as file:
        file.execute("UPDATE longshore_meta SET value = '99' WHERE key = 'version'")
        file.commit()
    for command in (["worker"], ["stats"], ["enqueue", "hello", "name=me"], ["worker", "--processes", "2"]):
        refused(shop.run(*command), 5, "jobs.db", "99", "upgrade")
    doctor = shop.run("doctor")
    assert doctor.code == 1
    assert "schema 99" in doctor.out


def test_a_folder_that_is_not_there(bare: Shop, refused: Callable[..., None]) -> None:
    _at(bare, "sqlite:///no/such/jobs.db")
    refused(bare.run("worker"), 2, "no/such/jobs.db", "mkdir -p")


def test_a_folder_in_place_of_a_file(bare: Shop, refused: Callable[..., None]) -> None:
    (bare.folder / "jobs.db").mkdir()
    _at(bare, "sqlite:///jobs.db")
    refused(bare.run("worker"), 2, "jobs.db", "a folder")


def test_a_file_on_a_device_that_takes_none(bare: Shop, refused: Callable[..., None]) -> None:
    # Not even root can make a file there, which file modes would let it.
    _at(bare, "sqlite:////proc/jobs.db")
    refused(bare.run("worker"), 4, "/proc/jobs.db")
    refused(bare.run("init", "/proc/tasks.py"), 2, "/proc/tasks.py", "folder")


def test_errors_are_json_where_json_is_asked_for(bare: Shop) -> None:
    said = bare.run("stats", "--url", "foo", "-o", "json")
    assert said.code == 2
    assert said.json["error"]["kind"] == "ConfigError"
    assert said.json["error"]["exit_code"] == 2
    assert "foo" in said.json["error"]["message"]
    usage = bare.run("jobs", "list", "--nosuch", "-o", "jsonl")
    assert usage.code == 2
    assert json.loads(usage.out)["error"]["kind"] == "Usage"


_USAGE = [
    (["wroker"], ["worker"]),
    (["jobs", "lst"], ["list"]),
    (["jobs", "list", "--limit", "0"], ["limit", "0"]),
    (["jobs", "list", "--state", "fialed"], ["fialed", "failed"]),
    (["jobs", "show"], ["ID"]),
    (["worker", "--concurrency", "0"], ["0"]),
    (["worker", "-q", "a,,b"], ["a,,b"]),
    (["worker", "tasks:app", "--app", "tasks:app"], ["both"]),
    (["stats", "--app", "tasks:app", "--url", "sqlite:///jobs.db"], ["--app", "--url"]),
    (["worker", "--drain-timeout", "soon"], ["soon", "30s"]),
    (["enqueue", "hello", "--at", "2030-01-01T00:00"], ["time zone"]),
    (["enqueue", "hello", "--at", "tomorrow"], ["tomorrow"]),
    (["enqueue", "hello", "--in", "5m", "--at", "2030-01-01T00:00Z"], ["--in", "--at"]),
    (["enqueue", "hello", "--timeout", "5"], ["--wait"]),
    (["enqueue", "hello", "--priority", "101"], ["101"]),
]


@pytest.mark.parametrize(("words", "named"), _USAGE, ids=[" ".join(form[0]) for form in _USAGE])
def test_a_command_line_that_cannot_be_meant(
    shop: Shop, refused: Callable[..., None], words: list[str], named: list[str]
) -> None:
    refused(shop.run(*words), 2, *named)


def test_a_traceback_only_where_it_is_asked_for(shop: Shop) -> None:
    assert "Traceback" in shop.run("stats", "--url", "foo", "--traceback").err
    assert "Traceback" in shop.run("stats", "--url", "foo", LONGSHORE_DEBUG="1").err
    assert "Traceback" not in shop.run("stats", "--url", "foo", LONGSHORE_DEBUG="0").err


def test_a_store_in_memory_cannot_be_shared(bare: Shop, refused: Callable[..., None]) -> None:
    bare.write("tasks.py", "from longshore import App\napp = App('memory://')\n@app.task\ndef f(): ...\n")
    for command in (["enqueue", "f"], ["stats"], ["worker", "--processes", "2"]):
        refused(bare.run(*command), 2, "memory://", "sqlite:///jobs.db")
    assert bare.run("doctor").code == 1
    alone = bare.run("worker", "--burst")
    assert alone.code == 0
    assert "memory:// is seen by this process alone" in alone.out
