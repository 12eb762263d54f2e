"""``longshore migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from longshore.cli.exits import DONE, USAGE, Problem
from longshore.cli.output import Format, count_of, give, output_option, talk
from longshore.cli.place import app_argument, find_app_or_url, place_options, refuse_memory

if TYPE_CHECKING:
    from longshore.app import App
    from longshore.stores.upkeep import Migratable, Right, Versions

_RIGHTS: Final = ("work", "enqueue")


@click.command("migrate")
@click.option("--plan", is_flag=True, help="Only print the SQL, as a script for psql or sqlite3.")
@click.option(
    "--grants",
    type=(click.Choice(_RIGHTS), str),
    metavar="work|enqueue ROLE",
    help="Only print the SQL that gives a role what a worker needs, or the right to enqueue and no more.",
)
@app_argument
@place_options
@output_option
def migrate(
    plan: bool, grants: tuple[Right, str] | None, spec: str | None, url: str | None, output: Format
) -> int:
    """Make the tables of a store, or bring older ones to the version of this release. Never backward.

    \b
      longshore migrate --plan            the SQL, nothing is changed
      longshore migrate
      longshore migrate --grants enqueue producer | psql DATABASE

    A lock that others hold is waited for shortly and asked for again, so that nobody is held up for long. Two that
    migrate at once do it once. Release N's workers go on while the tables become those of N+1, unless its notes say
    otherwise.
    """
    if plan and grants:
        raise Problem("--plan and --grants print different things; give one of them")
    app, how = find_app_or_url(spec, url)
    if how:
        talk(f"using {how}", output)
    try:
        if grants:
            return _grants(app, *grants, output)
        return _migrate(app, plan, output)
    finally:
        app.close()


def _migrate(app: App, plan: bool, output: Format) -> int:
    from longshore.stores.upkeep import Migratable

    refuse_memory(app)
    store = app.unopened
    if not isinstance(store, Migratable):
        _ = app.store  # whoever runs this before a release wants to hear now that it cannot be reached
        _say(app, None, [], [], f"{app.url} has no tables: its keys need no migration", output)
        return DONE
    versions = store.versions()
    if plan:
        _plan(app, store, versions, output)
        return DONE
    steps = store.migrate()
    if versions.found is not None and versions.found > versions.newest:
        _ = app.store  # SchemaError: this release cannot work with it
        text = f"{app.url} is of version {versions.found}, later than this release's {versions.newest}; nothing was done"
    elif steps:
        text = f"{app.url} is of version {versions.newest} now, {count_of(len(steps), 'step')}"
    else:
        text = f"{app.url} is of version {versions.newest}; nothing was to be done"
    _say(app, versions, steps, [], text, output)
    return DONE


def _plan(app: App, store: Migratable, versions: Versions, output: Format) -> None:
    sql = store.plan()
    found = "without tables" if versions.found is None else f"of version {versions.found}"
    text = f"-- {app.url} is {found}, this release makes {versions.newest}"
    _say(app, versions, [], sql, "\n".join([text if sql else f"{text}: nothing is to be done", *sql]), output)


def _say(
    app: App, versions: Versions | None, steps: list[int], sql: list[str], text: str, output: Format
) -> None:
    if output == "text":
        click.echo(text)
        return
    body: dict[str, Any] = {"store": app.url, "found": None, "newest": None, "applied": steps, "sql": sql}
    if versions is not None:
        body |= versions._asdict()
    give(body, output)


def _grants(app: App, right: Right, role: str, output: Format) -> int:
    from longshore.stores.upkeep import Guarded

    store = app.unopened
    if not isinstance(store, Guarded):
        raise Problem(
            f"{app.url} gives no rights to roles; PostgreSQL does (Redis: see docs/redis.md for its ACL)",
            USAGE,
        )
    statements = store.grants(right, role)
    if output == "text":
        click.echo("\n".join(statements))
    else:
        give({"store": app.url, "right": right, "role": role, "sql": statements}, output)
    return DONE
