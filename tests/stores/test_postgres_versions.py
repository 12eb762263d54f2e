"""Two versions of the tables, two releases at work: what a rolling upgrade meets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from longshore import App
from longshore.errors import SchemaError, StoreUnavailable
from longshore.stores import open_store
from longshore.stores.postgres import migrating, migrations
from longshore.stores.postgres.migrations import Migration
from longshore.testing.samples import claim, job, jobs
from longshore.testing.waiting import until
from servers import postgres

NEWEST = migrations.known()[-1].number
#: What a later release may bring: it only adds, so this release goes on beside it.
ADDING = Migration(
    NEWEST + 1,
    "note",
    "ALTER TABLE {schema}.jobs ADD COLUMN note text;\n"
    "CREATE TABLE {schema}.more (key text PRIMARY KEY);\n"
    "CREATE INDEX jobs_note ON {schema}.jobs (note) WHERE note IS NOT NULL;",
    oldest=NEWEST,
)
#: What ends this release's time.
BREAKING = Migration(NEWEST + 2, "rename", "ALTER TABLE {schema}.jobs RENAME COLUMN task TO work")
LATER = (*migrations.known(), ADDING)


@pytest.fixture
def store(tmp_path):
    store = open_store(postgres.place(tmp_path.name))
    yield store
    store.close()


def migrate(store, steps):
    return migrating.migrate(store._location, store.sql, steps)


def test_a_worker_of_this_release_goes_on_while_the_tables_get_ahead(store):
    app = App(postgres.place(store.schema), lease=2.0, sweep=0.1)
    double = app.task(name="double")(lambda n: 2 * n)
    went_on, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            went_on.append(double.enqueue(len(went_on)).result(timeout=20))

    thread = threading.Thread(target=load)
    with app.worker():
        thread.start()
        until(lambda: len(went_on) > 10, "some jobs")
        assert migrate(store, LATER) == [ADDING.number]
        before = len(went_on)
        until(lambda: len(went_on) > before + 20, "jobs after the migration")
        stop.set()
        thread.join(30)
    assert went_on == [2 * n for n in range(len(went_on))]
    app.close()


def test_this_release_also_starts_on_tables_that_only_got_more(store):
    store.open()
    migrate(store, LATER)
    newcomer = open_store(postgres.place(store.schema))
    assert newcomer.add(jobs(3)) == jobs(3)
    assert len(claim(newcomer, 3)) == 3
    assert newcomer.versions() == (ADDING.number, NEWEST)
    assert newcomer.plan() == []
    assert newcomer.migrate() == []
    newcomer.close()


def test_tables_that_this_release_cannot_read_are_refused(store):
    store.open()
    migrate(store, (*LATER, BREAKING))
    newcomer = open_store(postgres.place(store.schema))
    with pytest.raises(SchemaError, match="later Longshore") as caught:
        newcomer.open()
    assert "longshore migrate" in str(caught.value)
    newcomer.close()


def test_a_step_says_what_it_breaks():
    assert [one.oldest for one in migrations.known() if one.oldest > one.number] == []
    assert ADDING.oldest == NEWEST
    assert BREAKING.oldest == 0


@pytest.mark.parametrize("choice", ["missing", "always", "never"])
def test_what_opening_may_do(store, monkeypatch, choice):
    url = postgres.place(store.schema, migrate=choice)
    opened = open_store(url)
    if choice == "never":
        with pytest.raises(SchemaError, match="longshore migrate --plan; longshore migrate"):
            opened.open()
        assert not opened.exists()
        assert opened.migrate() == [one.number for one in migrations.known()]
    opened.add([job(1)])
    opened.close()
    # The next release's turn: the same code with one more step.
    for module in (migrating, sys.modules["longshore.stores.postgres.schema"]):
        monkeypatch.setattr(module, "known", lambda: LATER)
    if choice == "always":
        assert len(claim(opened)) == 1
        assert opened.versions().found == ADDING.number
    else:
        with pytest.raises(SchemaError, match="longshore migrate"):
            opened.open()
        assert opened.versions().found == NEWEST
    opened.close()


def test_the_plan_is_a_script_that_does_the_same(store):
    folder = postgres.programs()

    def psql(script):
        words = [str(folder / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", postgres.database_url()]
        return subprocess.run(words, input=script, text=True, capture_output=True, timeout=60, check=False)

    script = "\n".join(store.plan())
    done = psql(script)
    assert done.returncode == 0, done.stderr
    assert store.plan() == []
    assert store.add([job(1)]) == [job(1)]
    # A second time it is refused as a whole, and nothing is changed.
    assert psql(script).returncode != 0
    with store.pool.lent() as connection:
        found = migrating.Found(NEWEST)
        script = "\n".join(migrating.plan(connection, found, store._location, LATER))
    assert psql(script).returncode == 0
    again = psql(script)
    assert again.returncode != 0
    assert "make the plan anew" in again.stderr
    assert store.versions().found == ADDING.number


_MIGRATE = """
import os, signal, sys
from longshore.cli.main import run
from longshore.testing import failpoints
if len(sys.argv) > 2:
    failpoints.install("migrate.step", lambda: os.kill(os.getpid(), signal.SIGKILL))
sys.stdin.readline()
sys.exit(run(["migrate", "--url", sys.argv[1], "-o", "json"]))
"""


def start(url, *words):
    return subprocess.Popen(
        [sys.executable, "-c", _MIGRATE, url, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_two_processes_at_once_and_one_does_it(store):
    both = [start(postgres.place(store.schema)) for _ in range(2)]
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sorted('"applied": []' in one for one in said) == [False, True], said
    assert store.add([job(1)]) == [job(1)]


def test_one_that_is_killed_within_leaves_nothing(store):
    dying = start(postgres.place(store.schema), "die")
    dying.communicate("\n", timeout=60)
    assert dying.returncode < 0
    until(lambda: not waits(), "the server to notice")
    assert not store.exists()
    assert store.migrate() == [one.number for one in migrations.known()]


def waits():
    return postgres.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'longshore-migrate'")


def test_a_lock_that_is_let_go_in_time_is_waited_for(store, monkeypatch):
    monkeypatch.setattr(migrating, "_LOCK_MILLISECONDS", 50)
    store.open()
    tries = []
    with psycopg.connect(postgres.database_url()) as holder:
        holder.execute(f'SELECT 1 FROM "{store.schema}".jobs')
        real = migrating.between

        def rested(low, high):
            tries.append(1)
            if len(tries) == 2:
                holder.commit()
            return real(low, high)

        monkeypatch.setattr(migrating, "between", rested)
        assert migrate(store, LATER) == [ADDING.number]
    assert len(tries) == 2


def test_nobody_waits_behind_a_migration_that_waits(store, monkeypatch):
    """While it waits for its lock all others wait behind it: for no longer than its time-out."""
    monkeypatch.setattr(migrating, "_LOCK_MILLISECONDS", 200)
    monkeypatch.setattr(migrating, "_TRIES", 3)
    store.add(jobs(200))
    longest, failed, ended = [0.0], [], threading.Event()
    with psycopg.connect(postgres.database_url()) as holder:
        holder.execute(f'SELECT 1 FROM "{store.schema}".jobs')

        def try_it():
            try:
                migrate(store, LATER)
            except StoreUnavailable as error:
                failed.append(error)
            ended.set()

        thread = threading.Thread(target=try_it)
        thread.start()
        while not ended.is_set():
            began = time.monotonic()
            claim(store, 1)
            longest[0] = max(longest[0], time.monotonic() - began)
        thread.join(30)
    assert failed
    assert longest[0] < 2.0
    assert longest[0] > 0.1  # it did stand in the way


def test_two_schemas_in_one_database(tmp_path):
    names = [f"{tmp_path.name}-{end}" for end in "ab"]
    apps = [App(postgres.place(name), lease=2.0, sweep=0.1) for name in names]
    ran = {name: [] for name in names}
    for app, name in zip(apps, names, strict=True):
        app.task(name="note")(ran[name].append)
    handles = [app.tasks["note"].using(unique="k").enqueue(n) for n, app in enumerate(apps)]
    assert handles[0].id != handles[1].id
    with apps[0].worker():
        handles[0].result(timeout=20)
    assert ran == {names[0]: [0], names[1]: []}
    assert apps[1].store.count() == {("default", "queued"): 1}
    with apps[1].worker():
        handles[1].result(timeout=20)
    assert ran == {names[0]: [0], names[1]: [1]}
    for app in apps:
        app.close()
