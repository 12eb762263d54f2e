"""The tables: made, brought forward, refused, and who may use them; every message names the value and the fix."""

import threading

import psycopg
import pytest

from longshore import App
from longshore.cli.exits import Problem
from longshore.cli.place import bare
from longshore.errors import ConfigError, ResultTimeout, SchemaError, StoreError, StoreUnavailable
from longshore.stores import open_store
from longshore.stores.postgres import migrating, migrations
from longshore.stores.postgres.migrations import Migration
from longshore.testing.samples import claim, job, jobs
from servers import postgres


@pytest.fixture
def name(tmp_path):
    return tmp_path.name


@pytest.fixture
def stores():
    opened = []

    def make(url):
        opened.append(open_store(url))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


def role(name, *grants):
    """A new login role with these rights; the URL part that names it."""
    postgres.query(f'DROP OWNED BY "{name}"') if postgres.query(
        "SELECT 1 FROM pg_roles WHERE rolname = %s", name
    ) else postgres.query(f'CREATE ROLE "{name}" LOGIN PASSWORD %s'.replace("%s", "'s3cret'"))
    for grant in grants:
        postgres.query(f'{grant} TO "{name}"')


def as_role(url, user, password="s3cret"):
    return url.replace("postgresql://postgres@", f"postgresql://{user}:{password}@")


def told(error):
    """The lines of a message, which must be few and give no password away."""
    lines = str(error.value).splitlines()
    assert len(lines) <= 8
    assert "s3cret" not in str(error.value)
    return lines


def test_an_empty_database_gets_the_tables(stores, name):
    store = stores(postgres.place(name))
    plan = store.plan()
    assert plan[0] == "BEGIN;"
    assert f'CREATE SCHEMA "{name}";' in plan
    assert any(one.startswith("-- 0001 jobs\n") and f'CREATE TABLE "{name}".jobs' in one for one in plan)
    assert store.versions() == (None, migrations.known()[-1].number)
    assert postgres.query("SELECT 1 FROM pg_namespace WHERE nspname = %s", name) == []
    store.open()
    assert store.plan() == []
    assert store.migrate() == []


def test_an_existing_schema_is_used(stores, name):
    postgres.query(f'CREATE SCHEMA "{name}"')
    assert stores(postgres.place(name)).add([job(1)]) == [job(1)]


def test_many_that_migrate_at_once(stores, name):
    all_stores = [stores(postgres.place(name)) for _ in range(8)]
    start, applied = threading.Barrier(8), []

    def migrate(store):
        start.wait(10)
        applied.append(store.migrate())

    threads = [threading.Thread(target=migrate, args=(store,)) for store in all_stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(applied) == [[]] * 7 + [[one.number for one in migrations.known()]]


def test_forward_and_no_further_than_the_one_that_failed(stores, name):
    store = stores(postgres.place(name))
    store.add(jobs(3))
    newest = migrations.known()[-1].number
    more = (
        *migrations.known(),
        Migration(newest + 1, "note", "ALTER TABLE {schema}.jobs ADD COLUMN note text"),
        Migration(newest + 2, "broken", "ALTER TABLE {schema}.nothing ADD COLUMN note text"),
    )
    place = store._location
    with pytest.raises(SchemaError, match="nothing"):
        migrating.migrate(place, store.sql, more)
    assert migrating.migrate(place, store.sql, more[:-1]) == [newest + 1]
    assert migrating.migrate(place, store.sql, more[:-1]) == []
    with pytest.raises(SchemaError, match="later Longshore") as caught:
        stores(postgres.place(name)).open()
    assert "?schema=NAME" in told(caught)[1]


def test_too_old_is_told(stores, name):
    stores(postgres.place(name)).open()
    postgres.query(f"""UPDATE "{name}".meta SET value = '0' WHERE key = 'version'""")
    with pytest.raises(SchemaError, match="longshore migrate") as caught:
        stores(postgres.place(name)).open()
    told(caught)
    postgres.query(f"""UPDATE "{name}".meta SET value = 'x' WHERE key = 'version'""")
    with pytest.raises(SchemaError, match="never was"):
        stores(postgres.place(name)).open()


def test_a_migration_waits_for_nobody_long(stores, name, monkeypatch):
    monkeypatch.setattr(migrating, "_LOCK_MILLISECONDS", 20)
    monkeypatch.setattr(migrating, "_TRIES", 3)
    store = stores(postgres.place(name))
    store.open()
    newest = migrations.known()[-1].number
    more = (
        *migrations.known(),
        Migration(newest + 1, "note", "ALTER TABLE {schema}.jobs ADD COLUMN note text"),
    )
    with psycopg.connect(postgres.database_url()) as holder:
        holder.execute(f'SELECT 1 FROM "{name}".jobs')
        with pytest.raises(StoreUnavailable, match="pg_stat_activity") as caught:
            migrating.migrate(store._location, store.sql, more)
    told(caught)
    assert migrating.migrate(store._location, store.sql, more) == [newest + 1]


def test_tables_that_vanish_are_told(stores, name):
    store = stores(postgres.place(name))
    store.open()
    postgres.query(f'DROP SCHEMA "{name}" CASCADE')
    with pytest.raises(SchemaError, match="longshore migrate") as caught:
        store.add([job(1)])
    told(caught)
    store.close()
    assert store.add([job(1)]) == [job(1)]


def test_a_role_that_may_only_enqueue(stores, name):
    owner = stores(postgres.place(name))
    owner.open()
    role("producer")
    postgres.query("\n".join(owner.grants("enqueue", "producer")))
    store = stores(as_role(postgres.place(name), "producer"))
    assert store.add(jobs(3)) == jobs(3)
    assert store.add([job(4, unique="k")]) == [job(4, unique="k")]
    assert store.add([job(5, unique="k")]) == [job(4, unique="k")]
    store.publish(["queue:default"])
    assert store.get([job(1).id]) == {job(1).id: job(1)}
    with pytest.raises(SchemaError, match="permission denied") as caught:
        claim(store)
    assert "longshore migrate --url URL --grants work producer" in str(caught.value)
    told(caught)
    app = App(as_role(postgres.place(name), "producer"))
    waiting = app.task(name="wait")(lambda: None).enqueue()
    with pytest.raises(ResultTimeout):
        waiting.result(timeout=0.01)
    with pytest.raises(SchemaError, match='role "producer" may enqueue at most') as caught, app.worker():
        pass
    told(caught)
    app.close()


def test_the_grants_are_enough_to_work(stores, name):
    owner = stores(postgres.place(name))
    owner.open()
    role("labourer")
    postgres.query("\n".join(owner.grants("work", "labourer")))
    app = App(as_role(postgres.place(name), "labourer"), lease=2.0, sweep=0.1)
    double = app.task(name="double")(lambda n: 2 * n)
    with app.worker():
        assert [job.result(timeout=20) for job in [double.enqueue(n) for n in range(5)]] == [0, 2, 4, 6, 8]
        app.store.purge(10)
    app.close()


def test_a_role_that_may_not_make_tables(stores, name):
    role("stranger")
    with pytest.raises(SchemaError, match="CREATE on the database") as caught:
        stores(as_role(postgres.place(name), "stranger")).open()
    told(caught)
    stores(postgres.place(name)).open()
    with pytest.raises(SchemaError, match="permission denied"):
        stores(as_role(postgres.place(name), "stranger")).open()


def test_a_read_only_server_is_told(stores, name):
    role("reader", f"GRANT CREATE ON DATABASE {postgres.query('SELECT current_database()')[0][0]}")
    postgres.query("ALTER ROLE reader SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match="target_session_attrs=read-write") as caught:
        stores(as_role(postgres.place(name), "reader")).open()
    told(caught)


def test_a_database_that_is_not_utf8_is_refused(stores):
    postgres.query("DROP DATABASE IF EXISTS latin")
    postgres.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    url = postgres.server_url().replace("/postgres?", "/latin?")
    with pytest.raises(SchemaError, match="createdb -E UTF8") as caught:
        stores(url).open()
    told(caught)


def test_what_cannot_be_reached_is_told(stores, tmp_path):
    server = postgres.server_url()
    for url, advice in (
        (server.replace("/postgres?", "/nowhere?"), "createdb nowhere"),
        (as_role(server, "nobody_at_all"), "createuser --pwprompt nobody_at_all"),
        (f"postgresql://me:s3cret@/db?host={tmp_path}", "pg_isready"),
        ("postgresql://me:s3cret@nowhere.invalid/db", "check the host"),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            stores(url).open()
        assert advice in told(caught)[-1]


def test_passwords_are_shown_to_nobody(stores):
    for url in (
        "postgresql://me:s3cret@host/db",
        "postgres://me:s3cret@host:99/db?schema=x",
        "postgresql://host/db?user=me&password=s3cret&sslpassword=s3cret",
        "postgresql://me:s3cr%65t@host/db?password=s3cret",
    ):
        store = stores(url)
        assert "s3cret" not in store.url
        assert "s3cr%65t" not in store.url
        assert "***" in store.url
        assert "s3cret" not in repr(App(url))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("schema=", "name of a schema"),
        ("schema=pg_mine", "pg_"),
        ("schema=" + "x" * 64, "63 bytes"),
        ("pooler=session", "pooler"),
        ("pool=0", "pool='0'"),
        ("deadline=soon", "seconds"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_options_that_cannot_be_are_told(query, said):
    with pytest.raises(ConfigError, match=said) as caught:
        open_store(f"postgresql://me:s3cret@host/db?{query}")
    told(caught)


def test_a_hash_in_a_password_is_explained():
    with pytest.raises(ConfigError, match="%23") as caught:
        open_store("postgresql://me:s3cret#x@host/db")
    told(caught)


def test_a_schema_of_any_name(stores):
    store = stores(postgres.place("a%22b'; --%25s%25(x)s {jobs} ä"))
    store.add([job(1)])
    assert claim(store)[0].id == job(1).id
    assert store.schema == "a\"b'; --%s%(x)s {jobs} ä"


def test_errors_of_the_server_are_ours(stores, name):
    store = stores(postgres.place(name))
    with pytest.raises(StoreError, match="out of range"):
        store.add([job(1, priority=2**40)])
    assert store.add([job(1)]) == [job(1)]


def test_the_command_line_makes_no_tables_by_a_mistyped_name(stores, name):
    with pytest.raises(Problem, match="no tables of Longshore") as caught:
        bare(postgres.place(name))
    told(caught)
    assert not stores(postgres.place(name)).exists()
    stores(postgres.place(name)).open()
    with bare(postgres.place(name)) as app:
        assert app.store.count() == {}
