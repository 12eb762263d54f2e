"""Behind a pooler in transaction mode: ours always, and pgbouncer itself where it is installed (pytest -m full)."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from longshore import App, model
from longshore.errors import StoreUnavailable
from longshore.model import Claim
from longshore.stores import open_store
from longshore.testing.samples import job, jobs
from longshore.testing.waiting import until
from servers import postgres
from servers.pooler import pooler

_INI = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_port = 5432
auth_type = any
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
{more}
"""


@contextmanager
def pgbouncer(strict: bool) -> Iterator[str]:
    server = psycopg.conninfo.conninfo_to_dict(postgres.database_url())
    program = shutil.which("pgbouncer")
    assert program, "install pgbouncer, which these tests put before the server"
    with tempfile.TemporaryDirectory(prefix="lsb-", dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        more = "" if strict else "ignore_startup_parameters = options"
        ini = Path(folder) / "ini"
        ini.write_text(_INI.format(socket=server["host"], folder=folder, more=more))
        ini.chmod(0o644)
        user = "nobody" if os.geteuid() == 0 else None
        process = subprocess.Popen(
            [program, "-q", str(ini)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until((Path(folder) / ".s.PGSQL.5432").exists, "pgbouncer")
            yield f"postgresql://postgres@/{server['dbname']}?host={folder}"
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def ours(strict: bool) -> Iterator[str]:
    with pooler(postgres.database_url(), strict=strict) as (url, _):
        yield url


@pytest.fixture(params=["ours", pytest.param("pgbouncer", marks=pytest.mark.full)])
def between(request):
    return ours if request.param == "ours" else pgbouncer


def test_told_of_it_nothing_of_a_session_is_missed(between, tmp_path):
    with between(strict=True) as url:
        app = App(f"{url}&schema={tmp_path.name}&pooler=transaction", lease=2.0, sweep=0.2)
        double = app.task(name="double")(lambda n: 2 * n)
        failing = app.task(name="fail", unique="one")(lambda: 1 / 0)
        with app.worker(concurrency=8):
            handles = app.enqueue_many([double.call(n) for n in range(300)])
            lost = failing.enqueue()
            threads = [threading.Thread(target=double.enqueue, args=(n,)) for n in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert [one.result(timeout=30) for one in handles] == [2 * n for n in range(300)]
            assert lost.wait(20)
            until(
                lambda: app.store.count() == {("default", "succeeded"): 320, ("default", "failed"): 1}, "all"
            )
        app.close()


def test_every_call_of_the_store(between, tmp_path):
    with between(strict=True) as url:
        store = open_store(f"{url}&schema={tmp_path.name}&pooler=transaction")
        assert store.migrate() == [1]
        assert store.add([*jobs(20), job(50, unique="k")]) == [*jobs(20), job(50, unique="k")]
        for _ in range(12):
            done = store.exchange([], Claim("w", 2, 15.0))
            assert set(store.extend([(one.id, one.attempt) for one in done.jobs], 20.0).values()) <= {False}
            store.exchange([model.succeeded(one, b"r", 0.0) for one in done.jobs], None)
            store.put("k", "a", {"n": 1})
            assert store.list("k") == {"a": {"n": 1}}
        assert store.count() == {("default", "succeeded"): 21}
        assert store.drop("k", "a")
        assert len(store.delete([one.id for one in jobs(3)])) == 3
        store.close()


def test_not_told_of_it_it_is_found_out_and_said_once(between, tmp_path, caplog):
    with between(strict=False) as url, caplog.at_level(logging.WARNING, "longshore.stores"):
        app = App(f"{url}&schema={tmp_path.name}", lease=2.0, sweep=0.2)
        double = app.task(name="double")(lambda n: 2 * n)
        with app.worker(concurrency=8):
            handles = app.enqueue_many([double.call(n) for n in range(100)])
            assert [one.result(timeout=30) for one in handles] == [2 * n for n in range(100)]
        assert app.store.pooled
        app.close()
        app.open()
        app.close()
    (said,) = [one.getMessage() for one in caplog.records if one.name == "longshore.stores"]
    assert "?pooler=transaction" in said


def test_one_that_refuses_our_settings_is_named(between, tmp_path):
    with between(strict=True) as url:
        store = open_store(f"{url}&schema={tmp_path.name}")
        with pytest.raises(StoreUnavailable, match=r"\?pooler=transaction") as caught:
            store.open()
        assert len(str(caught.value).splitlines()) <= 8


def test_the_server_itself_is_taken_for_no_pooler(tmp_path, caplog):
    store = open_store(postgres.place(tmp_path.name))
    store.open()
    assert not store.pooled
    assert [one for one in caplog.records if one.name == "longshore.stores"] == []
    store.close()


def test_our_pooler_really_parts_them(tmp_path):
    """What makes the tests above worth anything: sessions do change, and what is left in one is lost."""
    with pooler(postgres.database_url(), sessions=2) as (url, one):
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            pids = {connection.execute("SELECT pg_backend_pid()").fetchone() for _ in range(4)}
            assert len(pids) == 2
            with connection.transaction():
                within = {connection.execute("SELECT pg_backend_pid()").fetchone() for _ in range(4)}
            assert len(within) == 1
            assert one.lent == 5
        with (
            psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection,
            pytest.raises(psycopg.errors.InvalidSqlStatementName),
        ):
            connection.execute("SELECT 1")
