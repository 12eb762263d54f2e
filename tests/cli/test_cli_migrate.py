"""``longshore migrate`` on every store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import psycopg
from cli_shop import Shop

from longshore.stores import open_store
from longshore.stores.postgres import migrations
from longshore.testing.samples import job
from servers import postgres
from servers.shared import in_namespace

NEWEST = migrations.known()[-1].number


def test_sqlite(bare: Shop) -> None:
    plan = bare.run("migrate", "--plan", "--url", "sqlite:///new.db")
    assert plan.code == 0
    assert not (bare.folder / "new.db").exists()
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.executescript(plan.out)
        assert scratch.execute("SELECT value FROM longshore_meta").fetchall() == [("1",)]
    assert "of version 1 now, 1 step" in bare.run("migrate", "--url", "sqlite:///new.db").out
    again = bare.run("migrate", "--url", "sqlite:///new.db", "-o", "json")
    assert again.json == {"store": "sqlite:///new.db", "found": 1, "newest": 1, "applied": [], "sql": []}
    assert "nothing is to be done" in bare.run("migrate", "--plan", "--url", "sqlite:///new.db").out
    assert bare.run("stats", "--url", "sqlite:///new.db").code == 0


def test_sqlite_tables_that_psql_would_call_ours(bare: Shop) -> None:
    """What the plan makes by another program is what the store makes."""
    plan = bare.run("migrate", "--plan", "--url", "sqlite:///by_hand.db")
    with closing(sqlite3.connect(bare.folder / "by_hand.db")) as file:
        file.executescript(plan.out)
    store = open_store(f"sqlite:///{bare.folder}/by_hand.db")
    assert store.add([job(1)]) == [job(1)]
    store.close()


def test_postgresql(bare: Shop) -> None:
    url = postgres.place(bare.folder.name)
    nothing = bare.run("stats", "--url", url)
    assert nothing.code == 5
    assert "longshore migrate --url" in nothing.error
    plan = bare.run("migrate", "--plan", "--url", url)
    assert plan.out.startswith("-- postgresql://")
    assert "is without tables" in plan.out
    assert bare.run("stats", "--url", url).code == 5
    done = bare.run("migrate", "--url", url, "-o", "json")
    assert done.json["applied"] == [one.number for one in migrations.known()]
    assert done.json["found"] is None
    assert bare.run("stats", "--url", url).code == 0
    assert bare.run("migrate", "--url", url).out.endswith("nothing was to be done\n")


def test_the_app_names_the_store(bare: Shop) -> None:
    bare.write("tasks.py", "from longshore import App\napp = App('sqlite:///jobs.db')\n")
    said = bare.run("migrate")
    assert "of version 1 now" in said.out
    assert "tasks:app" in said.err
    assert "nothing is to be done" in bare.run("migrate", "--plan", "tasks:app").out
    for command in (("doctor",), ("stats",), ("workers", "list")):
        assert bare.run(*command, "tasks:app").code == 0
    assert bare.run("migrate", "tasks:app", "--app", "tasks:app").code == 2


def test_tables_that_are_gone_or_not_ours(bare: Shop) -> None:
    url = postgres.place(bare.folder.name)
    assert bare.run("migrate", "--url", url).code == 0
    for table, words in (("docs", "DROP SCHEMA"), ("meta", "?schema=NAME")):
        postgres.query(f'DROP TABLE "{bare.folder.name}".{table}')
        for command in (("migrate",), ("stats",)):
            said = bare.run(*command, "--url", url)
            if command == ("migrate",) or table == "docs":
                assert said.code == 5
                assert words in said.error


def test_the_grants_can_be_run(bare: Shop, refused: Callable[..., None]) -> None:
    url = postgres.place(bare.folder.name)
    assert bare.run("migrate", "--url", url).code == 0
    postgres.query("CREATE ROLE web LOGIN")
    printed = bare.run("migrate", "--grants", "enqueue", "web", "--url", url, "-o", "json").json["sql"]
    text = bare.run("migrate", "--grants", "enqueue", "web", "--url", url).out
    assert text.splitlines() == printed
    postgres.query(text)
    as_web = url.replace("postgres@", "web@")
    bare.write(
        "tasks.py",
        f"from longshore import App\napp = App({as_web!r})\n@app.task(name='x')\ndef x() -> None: ...\n",
    )
    assert bare.run("enqueue", "x").code == 0
    for words in (["worker", "--burst"], ["worker", "--burst", "--processes", "2"]):
        refused(bare.run(*words), 5, "web", "longshore migrate --url", "--grants work web")
    postgres.query(bare.run("migrate", "--grants", "work", "web", "--url", url).out)
    assert bare.run("worker", "--burst").code == 0
    assert open_count(url) == {("default", "succeeded"): 1}
    postgres.query("DROP OWNED BY web; DROP ROLE web")


def open_count(url: str) -> dict[tuple[str, str], int]:
    store = open_store(url)
    found = store.count()
    store.close()
    return found


def test_stores_without_tables(bare: Shop, refused: Callable[..., None]) -> None:
    url = in_namespace(str(bare.folder))
    for words in (["migrate"], ["migrate", "--plan"]):
        said = bare.run(*words, "--url", url)
        assert said.code == 0
        assert "has no tables" in said.out
    refused(bare.run("migrate", "--grants", "work", "me", "--url", url), 2, "no rights", "docs/redis.md")
    refused(bare.run("migrate", "--url", "memory://"), 2, "memory://", "sqlite:///jobs.db")


def test_what_cannot_be_meant(bare: Shop, refused: Callable[..., None]) -> None:
    refused(
        bare.run("migrate", "--plan", "--grants", "work", "me", "--url", "sqlite:///x.db"),
        2,
        "--plan",
        "--grants",
    )
    refused(bare.run("migrate", "--grants", "rule", "me", "--url", "sqlite:///x.db"), 2, "rule", "enqueue")
    refused(bare.run("migrate", "--url", "sqlite:///no/such/x.db"), 2, "mkdir -p")


def test_never_backward(bare: Shop) -> None:
    url = postgres.place(bare.folder.name)
    assert bare.run("migrate", "--url", url).code == 0
    postgres.query(f"""UPDATE "{bare.folder.name}".meta SET value = '99' WHERE key = 'version'""")
    said = bare.run("migrate", "--url", url)
    assert said.code == 0
    assert "later than this release" in said.out
    assert postgres.query(f"""SELECT value FROM "{bare.folder.name}".meta WHERE key = 'version'""") == [
        ("99",)
    ]


def test_a_lock_that_is_not_let_go(bare: Shop) -> None:
    url = postgres.place(bare.folder.name)
    with psycopg.connect(postgres.database_url()) as holder:
        holder.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"longshore {bare.folder.name}"]
        )
        with bare.start("migrate", "--url", url, "-o", "json") as running:
            found: list[object] = []
            while not found:
                found = postgres.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            holder.rollback()
            assert running.end() == 0
            assert json.loads(running.output)["applied"] == [one.number for one in migrations.known()]
