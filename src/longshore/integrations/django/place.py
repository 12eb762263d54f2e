"""Where the project's jobs are, as seen from the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from longshore.errors import ConfigError, StoreUnavailable
from longshore.integrations.django.commits import hint_after, in_transaction
from longshore.integrations.django.conf import Conf
from longshore.integrations.django.database import file_of, in_memory, url_of
from longshore.integrations.django.tables import check_tables
from longshore.stores import open_store
from longshore.stores.base import Store


class Place:
    """Finds the store anew at each call: the test runner gives a database another name while the program runs.

    Code of the project reaches jobs in its own database over Django's connection, so that it is part of its transactions
    and needs no connection more. Workers have connections of their own.
    """

    def __init__(self, conf: Conf) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._own: tuple[str, Store] | None = None
        self._guests: dict[str, Store] = {}

    @property
    def alias(self) -> str | None:
        """The database that keeps the jobs; None: they are kept elsewhere."""
        return None if self._conf.store is not None else self._conf.database

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection of this thread to that database."""
        return connections[self._conf.database]

    @property
    def url(self) -> str:
        """Where they are, passwords included."""
        if self._conf.store is not None:
            return _with_options(self._conf.store, self._conf.options)
        if in_memory(self.connection):
            return "memory:"
        return url_of(self.connection, self._conf.options)

    @property
    def shown(self) -> str:
        """As `url`, for people."""
        url = self.url
        return url if url == "memory:" else open_store(url).url

    def joins(self) -> bool:
        """Whether a call of this thread is part of a transaction of Django's."""
        return self.alias is not None and in_transaction(self.alias)

    def own(self) -> Store:
        """The store on connections of its own, opened."""
        store = self.unopened()
        store.open()
        return store

    def unopened(self) -> Store:
        """The same, as it is."""
        url = self.url
        if url == "memory:":
            raise ConfigError(
                "this database is in memory, where no worker can see it: the test runner made it so\n"
                "run jobs with longshore.integrations.django.testing.run_jobs(), or give DATABASES a TEST NAME"
            )
        with self._lock:
            if self._own is None or self._own[0] != url:
                self._close()
                self._own = (url, open_store(url))
            return self._own[1]

    def guest(self) -> Store:
        """The store on Django's connections, each thread on its own."""
        wrapper = self.connection
        key = "memory:" if in_memory(wrapper) else self.url
        with self._lock:
            found = self._guests.get(key)
        if found is None:
            found = _guest(wrapper, self._conf, key)
            with self._lock:
                found = self._guests.setdefault(key, found)
        return found

    def close(self) -> None:
        """Let go of own connections. A later use makes others."""
        with self._lock:
            self._close()

    def forget_listeners(self) -> None:
        """Let go of what hints take, too. Who waits for a job in this process looks now and then instead."""
        with self._lock:
            guests = list(self._guests.values())
        for guest in guests:
            guest.close()

    def _close(self) -> None:
        if self._own is not None:
            self._own[1].close()
            self._own = None


def _guest(wrapper: BaseDatabaseWrapper, conf: Conf, url: str) -> Store:
    """Made once a database. SchemaError: it has no tables for jobs, or others than this release needs."""
    alias = conf.database
    _connect(wrapper)
    check_tables(conf, wrapper)

    def raw() -> Any:
        connection = connections[alias]
        connection.validate_no_broken_transaction()
        if not connection.in_atomic_block and getattr(connection.connection, "closed", False):
            # By the server. Django itself would use it until the end of a request in which it noticed.
            connection.close()
        _connect(connection)
        return connection.connection

    def later(do: Callable[[], None]) -> None:
        hint_after(alias, do)

    if wrapper.vendor == "sqlite":
        from longshore.stores.sqlite.guest import SqliteGuest

        return SqliteGuest(raw, file_of(wrapper), later)
    from longshore.stores.postgres.guest import PostgresGuest

    return PostgresGuest(raw, url, later)


def _connect(connection: BaseDatabaseWrapper) -> None:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        said = str(error).strip().partition("\n")[0]
        raise StoreUnavailable(
            f"cannot connect to database {connection.alias!r}: {said}\nis its server running, and is DATABASES right?"
        ) from error


def _with_options(url: str, options: Mapping[str, str]) -> str:
    if not options:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(options)}"
