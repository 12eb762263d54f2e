"""``manage.py check``: every mistake in the setting LONGSHORE, with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections

from longshore.errors import LongshoreError
from longshore.integrations.django.conf import Conf, read
from longshore.integrations.django.database import in_memory, url_of
from longshore.integrations.django.waiting import outbox_alias
from longshore.stores import open_store


def check_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Messages ``longshore.E001`` and on. Connects to nothing."""
    conf, mistakes = read()
    messages: list[CheckMessage] = [
        Error(text, hint=hint, id=f"longshore.E{number:03}") for number, text, hint in mistakes
    ]
    if conf.store is not None:
        messages += _elsewhere(conf)
    elif not any(number == 4 for number, _, _ in mistakes):
        messages += _database(conf)
    if conf.supervise is not None and conf.supervise.workers:
        messages += _supervised(conf)
    return [*messages, *_write_locks({conf.database if conf.store is None else None, outbox_alias(conf)})]


def _write_locks(aliases: Iterable[str | None]) -> Iterator[CheckMessage]:
    """Beside a worker, SQLite refuses at once who has read in his transaction and then wants to write."""
    for alias in sorted(filter(None, aliases)):
        connection = connections[alias]
        if connection.vendor != "sqlite" or in_memory(connection):
            continue
        mode = connection.settings_dict["OPTIONS"].get("transaction_mode") or "DEFERRED"
        if str(mode).upper() == "DEFERRED":
            yield Warning(
                f'Workers write to the SQLite database {alias!r}: a transaction that reads first may fail with "database is '
                'locked", without waiting.',
                hint=f'Set DATABASES[{alias!r}]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE"}}.',
                id="longshore.W012",
            )


def _supervised(conf: Conf) -> Iterator[CheckMessage]:
    where = conf.store or str(connections[conf.database].settings_dict["NAME"])
    if where.startswith(":memory:" if conf.store is None else "memory:"):
        yield Error(
            "LONGSHORE['SUPERVISE']: jobs are kept in this process's memory, where no worker can see them.",
            hint="Keep them in a database file or on a server, or remove SUPERVISE.",
            id="longshore.E009",
        )
    if conf.eager:
        yield Warning(
            "LONGSHORE['SUPERVISE'] has no effect: with EAGER every job runs where it is enqueued.",
            hint="Remove EAGER, or set SUPERVISE to False beside it.",
            id="longshore.W009",
        )


def _elsewhere(conf: Conf) -> Iterator[CheckMessage]:
    from longshore.integrations.django.place import Place

    try:
        open_store(Place(conf).url)
    except LongshoreError as error:
        text, _, hint = str(error).partition("\n")
        yield Error(f"LONGSHORE['STORE']: {text}", hint=hint or None, id="longshore.E006")


def _database(conf: Conf) -> Iterator[CheckMessage]:
    connection = connections[conf.database]
    if connection.vendor == "postgresql" and find_spec("psycopg") is None:
        yield Error(
            f"Jobs are kept in the PostgreSQL database {conf.database!r}, and psycopg 3 is not installed.",
            hint='Install it: pip install "longshore[postgres]".',
            id="longshore.E005",
        )
        return
    try:
        if connection.vendor != "sqlite" or not in_memory(connection):
            open_store(url_of(connection, conf.options))
    except LongshoreError as error:
        text, _, hint = str(error).partition("\n")
        yield Error(text[:1].upper() + text[1:] + ".", hint=hint or None, id="longshore.E005")
