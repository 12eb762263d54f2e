"""Bad places: each a clear error at the earliest point."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from longshore.errors import ConfigError, LongshoreError, SchemaError, StoreUnavailable
from longshore.stores import open_store
from longshore.stores.sqlite import location, schema
from longshore.testing.samples import job


def refusal(url, kind):
    with pytest.raises(kind) as caught:
        open_store(url).open()
    text = str(caught.value)
    assert isinstance(caught.value, LongshoreError)
    assert len(text.splitlines()) <= 8
    return text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "it is empty"),
        ("jobs.db", "sqlite:///jobs.db"),
        ("sqllite:///jobs.db", "did you mean sqlite"),
        ("SQLITE:///jobs.db", "did you mean sqlite"),
        ("mysql://host/db", "memory://, sqlite:///FILE"),
        ("postgresqll://user:secret@host/db", "did you mean postgresql"),
        ("rediss+sentinal://:secret@host", "did you mean rediss+sentinel"),
        ("memory://name", "write memory://"),
        ("sqlite://", "memory://"),
        ("sqlite:///", "memory://"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite://jobs.db", "sqlite:///jobs.db"),
        ("sqlite:///jobs.db?synchronous=off", "full"),
        ("sqlite:///jobs.db?synchronous=", "full"),
        ("sqlite:///jobs.db?timeout=3", "'timeout'"),
        ("sqlite:///jobs#1.db", "%23"),
        ("sqlite:///jobs%00.db", "NUL"),
    ],
)
def test_a_bad_url_is_refused_before_anything_is_touched(url, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_relative_and_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for url in (
        "sqlite:///a.db",
        f"sqlite:///{tmp_path}/b c%3F.db",
        f"sqlite:///{tmp_path}/b.db?synchronous=normal",
    ):
        store = open_store(url)
        store.open()
        assert store.url == url
        store.close()
    assert sorted(os.listdir(tmp_path)) == ["a.db", "b c?.db", "b.db"]


def test_making_a_store_touches_nothing(tmp_path):
    open_store(f"sqlite:///{tmp_path}/a.db")
    assert os.listdir(tmp_path) == []


def test_only_its_owner_can_read_it(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    before = os.umask(0)
    try:
        store.add([job(1)])
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)}
    store.close()
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


def test_a_folder_that_is_not_there(tmp_path):
    assert f"mkdir -p {tmp_path}/no" in refusal(f"sqlite:///{tmp_path}/no/a.db", ConfigError)


def test_a_folder_in_place_of_the_file(tmp_path):
    assert "a folder" in refusal(f"sqlite:///{tmp_path}", ConfigError)


def test_a_pipe_in_place_of_the_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refusal(f"sqlite:///{tmp_path}/pipe", ConfigError)


_AS_NOBODY = """
import os, sys
sys.path[:] = {path!r}
from longshore.stores import open_store
store = open_store(sys.argv[1])
os.getuid() == 0 and os.setuid(65534)
try:
    store.open()
except Exception as error:
    print(type(error).__name__, error)
"""


def as_nobody(url):
    code = _AS_NOBODY.format(path=sys.path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, url], capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def test_a_folder_that_cannot_be_written(tmp_path):
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        os.chmod(folder, 0o755)
    os.chmod(tmp_path, 0o555)
    text = as_nobody(f"sqlite:///{tmp_path}/a.db")
    assert text.startswith("StoreUnavailable the folder of")
    assert "chmod u+wx" in text


def test_a_file_that_cannot_be_written(tmp_path):
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        os.chmod(folder, 0o755)
    sqlite3.connect(tmp_path / "a.db").close()
    os.chmod(tmp_path / "a.db", 0o444)
    text = as_nobody(f"sqlite:///{tmp_path}/a.db")
    assert text.startswith("StoreUnavailable")
    assert "chmod u+rw" in text


@pytest.mark.parametrize("content", [b"not a database, " * 100, b"SQLite format 4\0" + b"x" * 5000])
def test_not_a_database(tmp_path, content):
    path = tmp_path / "a.db"
    path.write_bytes(content)
    assert "not a SQLite database" in refusal(f"sqlite:///{path}", SchemaError)
    assert path.read_bytes() == content


def made(path, *statements):
    con = sqlite3.connect(path)
    for statement in statements:
        con.execute(statement)
    con.commit()
    con.close()


def test_a_file_of_another_program(tmp_path):
    made(tmp_path / "a.db", "PRAGMA application_id = 252006673", "CREATE TABLE fossil (x)")
    assert "0x0f055111" in refusal(f"sqlite:///{tmp_path}/a.db", SchemaError)
    con = sqlite3.connect(tmp_path / "a.db")
    assert con.execute("SELECT name FROM sqlite_master").fetchall() == [("fossil",)]
    assert con.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    con.close()


def test_tables_of_our_names_that_are_not_ours(tmp_path):
    made(tmp_path / "a.db", "CREATE TABLE longshore_jobs (x)")
    assert "not Longshore's" in refusal(f"sqlite:///{tmp_path}/a.db", SchemaError)


@pytest.mark.parametrize(
    ("version", "words"), [("2", "later Longshore"), ("999", "999"), ("x", "never was"), ("0", "never was")]
)
def test_another_version_of_the_schema(tmp_path, version, words):
    url = f"sqlite:///{tmp_path}/a.db"
    store = open_store(url)
    store.add([job(1)])
    store.close()
    made(tmp_path / "a.db", f"UPDATE longshore_meta SET value = '{version}'")
    assert words in refusal(url, SchemaError)
    made(tmp_path / "a.db", "UPDATE longshore_meta SET value = '1'")
    assert store.get([job(1).id]) == {job(1).id: job(1)}
    store.close()


def test_a_file_with_the_users_tables_is_shared(tmp_path):
    made(
        tmp_path / "a.db",
        "CREATE TABLE orders (x)",
        "PRAGMA user_version = 7",
        "INSERT INTO orders VALUES (1)",
    )
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    store.add([job(1)])
    store.close()
    con = sqlite3.connect(tmp_path / "a.db")
    assert con.execute("SELECT x FROM orders").fetchall() == [(1,)]
    assert con.execute("PRAGMA user_version").fetchone() == (7,)
    assert con.execute("PRAGMA application_id").fetchone() == (0,)
    con.close()


def test_our_own_file_says_whose_it_is(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    store.open()
    store.close()
    con = sqlite3.connect(tmp_path / "a.db")
    assert con.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
    con.close()


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "virtiofs", "fuse.sshfs"])
def test_network_file_systems(tmp_path, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "mangled\n"
        f"23 22 0:40 / /mnt/a\\040b rw shared:1 - {kind} server:/x rw\n"
        "24 23 0:41 / /mnt/a\\040b/local rw - tmpfs tmpfs rw\n"
    )
    with pytest.raises(ConfigError, match=f"network file system \\({kind}\\)"):
        location.refuse_network("/mnt/a b/jobs", mounts)
    for fine in ("/mnt", "/mnt/a b/local/x", "/mnt/a bc", "/"):
        location.refuse_network(fine, mounts)
    location.refuse_network("/mnt/a b", Path("/nowhere/mountinfo"))


def test_a_sqlite_that_is_too_old():
    with pytest.raises(StoreUnavailable, match=r"3\.34\.1 is too old"):
        schema.check_library((3, 34, 1))
    schema.check_library((3, 35, 0))
