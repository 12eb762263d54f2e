"""Where the jobs are: the app, or a store's URL alone for commands that need no tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from longshore.cli.exits import SCHEMA, STORE, USAGE, Problem
from longshore.cli.output import Format, talk

if TYPE_CHECKING:
    from longshore.app import App

F = TypeVar("F", bound=Callable[..., Any])
URL_VARIABLE: Final = "LONGSHORE_URL"


def app_option(command: F) -> F:
    """``--app MODULE:APP``."""
    text = "The app (else LONGSHORE_APP, pyproject.toml, or a lone tasks.py or app.py here)."
    # The environment is read in `find`, which says where it found the app.
    return click.option("--app", "spec", metavar="MODULE:APP", allow_from_autoenv=False, help=text)(command)


def place_options(command: F) -> F:
    """``--app`` and ``--url``."""
    text = "The store alone, without any app (else LONGSHORE_URL)."
    return app_option(click.option("--url", metavar="URL", allow_from_autoenv=False, help=text)(command))


def app_argument(command: F) -> F:
    """``MODULE:APP`` without ``--app``, as `longshore worker` has it. It goes above `place_options`."""

    @wraps(command)
    def named(place: str | None, **options: Any) -> Any:
        if place and options["spec"]:
            raise Problem(f"{place!r} and --app {options['spec']!r} both name an app; give one of them")
        return command(**{**options, "spec": place or options["spec"]})

    return click.argument("place", metavar="[MODULE:APP]", required=False)(cast("F", named))


@contextmanager
def open_place(spec: str | None, url: str | None, output: Format = "text") -> Iterator[App]:
    """An app on the store: the user's own, or one without tasks. It is closed at the end."""
    app, how = find_place(spec, url)
    if how:
        talk(f"using {how}", output)
    refuse_memory(app)
    try:
        yield app.open()
    finally:
        app.close()


def refuse_memory(app: App) -> None:
    """Problem: the store cannot be seen from any other process than the one that made it."""
    if app.url.startswith("memory:"):
        raise Problem(
            f"{app.url} is seen only by the process that made it, and this is another\n"
            'use a store that can be shared, like App("sqlite:///jobs.db")'
        )


def find_place(spec: str | None, url: str | None) -> tuple[App, str]:
    """The app, and what to tell about how it was found (empty: nothing)."""
    return _find(spec, url, bare)


def find_app_or_url(spec: str | None, url: str | None) -> tuple[App, str]:
    """As `find_place`, also where a URL leads to a store that was not made yet."""
    from longshore.app import App

    return _find(spec, url, App)


def _find(spec: str | None, url: str | None, by: Callable[[str], App]) -> tuple[App, str]:
    if spec and url:
        raise Problem("--app and --url both say where the jobs are; give one of them")
    if url:
        return by(url), ""
    from longshore.cli.find import VARIABLE, find_app, unnamed

    by_url = os.environ.get(URL_VARIABLE)
    if not spec and not os.environ.get(VARIABLE) and by_url:
        app = by(by_url)
        return app, f"{app.url} (from {URL_VARIABLE})"
    if not spec and unnamed()[0] is None:
        raise Problem(
            "where are the jobs? No app and no store was named, and there is no tasks.py or app.py here\n"
            f"name one: --app MODULE:APP or --url sqlite:///jobs.db, or set {VARIABLE} or {URL_VARIABLE}",
            USAGE,
            "AppNotFound",
        )
    found = find_app(spec)
    return found.app, f"{found.spec} ({found.how}), {found.app.url}" if found.how else ""


def bare(url: str) -> App:
    """An app without tasks on an existing store. Problem: there is none; a mistyped name must not make an empty one."""
    from longshore.app import App

    app = App(url)
    if url.startswith("sqlite:"):
        from longshore.stores.sqlite.location import parse

        path = parse(url).path
        if not os.path.exists(path):
            raise Problem(
                f"there is no file {path!r} (from {url})\n"
                "a worker or the first enqueue makes it; check the path, or name the app: --app MODULE:APP",
                STORE,
                "StoreUnavailable",
            )
    elif url.startswith(("postgresql:", "postgres:")):
        from longshore.stores.postgres import PostgresStore

        store = PostgresStore(url)
        if not store.exists():
            raise Problem(
                f'there are no tables of Longshore in schema "{store.schema}" of {store.url}\n'
                "check the URL and ?schema=, or make them: longshore migrate --url URL (--plan shows the SQL first)",
                SCHEMA,
                "SchemaError",
            )
    return app
