"""The outbox on Django's connection: where jobs that are kept elsewhere wait for a commit, in a table of the project's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from longshore.callers import Call, Caller, Steps
from longshore.callers.django import DjangoCaller
from longshore.errors import ConfigError, SchemaError
from longshore.integrations.django.commits import in_transaction
from longshore.integrations.django.conf import VENDORS, Conf
from longshore.integrations.django.database import in_memory, url_of
from longshore.model import JobRecord
from longshore.outbox.record import unpacked
from longshore.outbox.shelf import Backlog, Row, Shelf


def outbox_alias(conf: Conf) -> str | None:
    """The database whose commits jobs wait for in a table there; None: none is needed, wanted, or possible."""
    alias = conf.after_commit
    kept = conf.database if conf.store is None else None
    if not conf.outbox or alias is None or alias == kept or (conf.store or "").startswith("memory:"):
        return None
    vendor = connections[alias].vendor
    return alias if vendor in VENDORS and (vendor != "postgresql" or find_spec("psycopg")) else None


class DjangoShelf:
    """`outbox.shelf.Shelf` in one database of the project's, found anew at each call, for tests give it another name.

    Putting and finding jobs goes over Django's connection; what workers do, over their own.
    """

    def __init__(self, alias: str, hosting: Callable[[], bool]) -> None:
        self._alias = alias
        self._hosting = hosting
        self._fresh()

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._found: tuple[str, Shelf] | None = None
        self._there: set[str] = set()

    @property
    def url(self) -> str:
        """See `Shelf.url`."""
        return "memory:" if in_memory(connections[self._alias]) else self._shelf().url

    def _shelf(self) -> Shelf:
        wrapper = connections[self._alias]
        # One in memory has no path. Its statements are all that is asked for.
        url = "sqlite:////memory" if in_memory(wrapper) else url_of(wrapper, {})
        with self._lock:
            if self._found is None or self._found[0] != url:
                if self._found is not None:
                    self._found[1].close()
                self._found = (url, shelf_of(url))
            return self._found[1]

    def _own(self) -> Shelf:
        if in_memory(connections[self._alias]):
            raise ConfigError(
                f"database {self._alias!r} is in memory, where no worker can see what waits for its commits\n"
                "run jobs with longshore.integrations.django.testing.run_jobs(), or give DATABASES a TEST NAME"
            )
        return self._shelf()

    # -- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """See `Shelf.open`."""
        self._own().open()

    def close(self) -> None:
        """See `Shelf.close`."""
        with self._lock:
            if self._found is not None:
                self._found[1].close()

    def forked(self) -> None:
        """See `Shelf.forked`. The shelf within is told by itself."""
        self._fresh()

    def plan(self) -> list[str]:
        """See `Shelf.plan`."""
        return self._shelf().plan()

    # -- on Django's connection ------------------------------------------------------------------------------------

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `Shelf.join`. SchemaError: there is no such table."""
        if not isinstance(caller, DjangoCaller) or caller.connection.alias != self._alias:
            return (yield from self._own().join(caller, jobs))
        caller.check()
        self._check(caller.connection)
        return (yield from self._shelf().adding(jobs))

    def adding(self, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `Shelf.adding`."""
        return self._shelf().adding(jobs)

    def _check(self, wrapper: BaseDatabaseWrapper) -> None:
        name = str(wrapper.settings_dict["NAME"])
        if name in self._there:
            return
        if not is_there(wrapper):
            database = "" if self._alias == DEFAULT_DB_ALIAS else f" --database {self._alias}"
            raise SchemaError(
                f"the table for jobs that wait for a commit is not there in database {self._alias!r}\n"
                f"make it: python manage.py migrate{database}; without one: LONGSHORE = "
                '{"OUTBOX": False}'
            )
        self._there.add(name)

    def looking(self, ids: Sequence[str]) -> Call:
        """See `Shelf.looking`."""
        return self._shelf().looking(ids)

    def dropping(self, ids: Sequence[str]) -> Call:
        """See `Shelf.dropping`."""
        return self._shelf().dropping(ids)

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """See `Shelf.get`."""
        if self._hosting() and not in_transaction(self._alias):
            return self._own().get(ids)
        caller = DjangoCaller(connections[self._alias])
        self._check(caller.connection)
        return dict(caller.execute(self.looking(ids)))

    def taken(self) -> list[JobRecord]:
        """All that wait as this thread's transaction sees them, removed. For tests, where nobody else takes any."""
        caller = DjangoCaller(connections[self._alias])
        if not is_there(caller.connection):
            return []
        text = f"SELECT job FROM {table_of(caller.connection)} ORDER BY id"  # noqa: S608
        jobs = [
            unpacked(job)
            for (job,) in caller.execute(Call(text, {} if caller.dialect == "postgresql" else ()))
        ]
        if jobs:
            caller.execute(self.dropping([job.id for job in jobs]))
        return jobs

    # -- by workers ------------------------------------------------------------------------------------------------

    def take(self, limit: int, add: Callable[[list[Row]], object]) -> list[Row]:
        """See `Shelf.take`."""
        return self._own().take(limit, add)

    def drop(self, ids: Sequence[str]) -> None:
        """See `Shelf.drop`."""
        self._own().drop(ids)

    def backlog(self) -> Backlog:
        """See `Shelf.backlog`."""
        return self._own().backlog()


def shelf_of(url: str) -> Shelf:
    """The shelf in that database."""
    if url.startswith("sqlite:"):
        from longshore.outbox.sqlite import SqliteShelf

        return SqliteShelf(url)
    from longshore.outbox.postgres import PostgresShelf

    return PostgresShelf(url)


def table_of(wrapper: BaseDatabaseWrapper) -> str:
    """The table's name in SQL."""
    return "longshore.outbox" if wrapper.vendor == "postgresql" else "longshore_outbox"


def is_there(wrapper: BaseDatabaseWrapper) -> bool:
    """Whether the table is, asked on Django's connection."""
    if wrapper.vendor == "postgresql":
        text = "SELECT to_regclass(%s) IS NOT NULL"
    else:
        text = "SELECT count(*) FROM sqlite_master WHERE name = %s"
    with wrapper.cursor() as cursor:
        cursor.execute(text, [table_of(wrapper)])
        return bool(cursor.fetchone()[0])


def make_outbox(conf: Conf, using: str, lock: Callable[[], object]) -> None:
    """Make the table where that database needs one; ``lock`` keeps others from it meanwhile."""
    if outbox_alias(conf) != using or is_there(connections[using]):
        return
    with transaction.Atomic(using, savepoint=True, durable=False):
        lock()
        wrapper = connections[using]
        if not is_there(wrapper):
            with wrapper.cursor() as cursor:
                for statement in DjangoShelf(using, lambda: False).plan():
                    cursor.execute(statement)
