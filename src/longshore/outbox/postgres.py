"""The outbox table in a PostgreSQL database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg

from longshore.callers import Call, Caller, Refused, Steps
from longshore.errors import LongshoreError, SchemaError
from longshore.model import JobRecord
from longshore.outbox.record import packed
from longshore.outbox.shelf import Backlog, Row
from longshore.stores.postgres import location, visiting
from longshore.stores.postgres.arrays import blobs, texts
from longshore.stores.postgres.pool import Pool, Rows, execute
from longshore.stores.postgres.schema import quoted

#: What the table is known by: its comment, which needs no right to be read and fails no transaction where it is not there.
_MARK: Final = "Longshore outbox 1 "
_TABLE: Final = (
    "CREATE TABLE {outbox} (\n"
    '  id text COLLATE "C" PRIMARY KEY,\n'
    "  job bytea NOT NULL,\n"
    "  moved bool NOT NULL DEFAULT false,\n"
    "  created_at float8 NOT NULL DEFAULT extract(epoch FROM clock_timestamp())\n"
    ") WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)"
)
_COMMENT: Final = (
    "DO $$ BEGIN EXECUTE format('COMMENT ON TABLE {outbox} IS %L', '"
    + _MARK
    + "' || gen_random_uuid()); END $$"
)
_FIND: Final = "SELECT obj_description(to_regclass(%(table)s::text), 'pg_class')"
#: Connections known to lead to a table.
_known: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()


class PostgresShelf:
    """`shelf.Shelf` in one schema of a database."""

    def __init__(self, url: str) -> None:
        self._location = location.parse(url)
        self.url = self._location.url
        self._table = f"{quoted(self._location.schema)}.outbox"
        #: for statements with values, where a percent sign is written twice
        self._outbox = self._table.replace("%", "%%")
        self._fresh()

    def _fresh(self) -> None:
        self._opening = threading.Lock()
        self._opened: Pool | None = None
        self._mark = ""

    # -- life ------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """See `shelf.Shelf.open`."""
        self._pool()

    def close(self) -> None:
        """See `shelf.Shelf.close`."""
        with self._opening:
            pool, self._opened = self._opened, None
        if pool is not None:
            pool.close()

    def forked(self) -> None:
        """See `shelf.Shelf.forked`."""
        pool = self._opened
        self._fresh()
        if pool is not None:
            pool.leave()

    def plan(self) -> list[str]:
        """See `shelf.Shelf.plan`."""
        schema = quoted(self._location.schema)
        return [
            f"CREATE SCHEMA IF NOT EXISTS {schema}",
            _TABLE.replace("{outbox}", self._table),
            _COMMENT.replace("{outbox}", self._table.replace("%", "%%").replace("'", "''")),
        ]

    def _pool(self) -> Pool:
        pool = self._opened
        if pool is None:
            with self._opening:
                pool = self._opened
                if pool is None:
                    pool = self._opened = self._new_pool()
        return pool

    def _new_pool(self) -> Pool:
        pool = Pool(self._location)
        try:
            found = self._found(pool)
            if found is None:
                self._make(pool)
                found = self._found(pool)
        except BaseException:
            pool.close()
            raise
        if found is None or not found.startswith(_MARK):
            pool.close()
            raise SchemaError(
                f"{self.url}: the table {self._table} is not Longshore's, or of another version\n"
                "name another schema with ?schema=NAME in the URL"
            )
        self._mark = found
        return pool

    def _found(self, pool: Pool) -> str | None:
        """The table's comment; None: there is no table. An empty one stands for none."""
        text = "SELECT to_regclass(%(table)s::text) IS NOT NULL, obj_description(to_regclass(%(table)s::text), 'pg_class')"
        [(there, comment)] = pool.run(Call(text, {"table": self._table}))
        return (comment or "") if there else None

    def _make(self, pool: Pool) -> None:
        def work(connection: psycopg.Connection[Any]) -> None:
            lock = "SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))"
            execute(connection, Call(lock, {"name": f"longshore {self._table}"}))
            if execute(connection, Call(_FIND, {"table": self._table})) != [(None,)]:
                return  # others were quicker
            schema = {"name": quoted(self._location.schema)}
            known = execute(connection, Call("SELECT to_regnamespace(%(name)s::text) IS NOT NULL", schema))
            for statement in self.plan()[1 if known == [(True,)] else 0 :]:
                connection.execute(statement.encode())

        try:
            pool.transaction(work)
        except LongshoreError as error:
            if not isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
                raise
            raise self._forbidden(error.__cause__) from error.__cause__

    def _forbidden(self, error: psycopg.Error) -> SchemaError:
        said = str(error).partition("\n")[0]
        return SchemaError(
            f"{self.url}: {said}\nlet a role that may make the outbox table do so, then grant this one its use:\n"
            + ";\n".join(" ".join(line.split()) for line in self.plan())
            + f";\nGRANT USAGE ON SCHEMA {quoted(self._location.schema)} TO role; "
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {self._table} TO role (INSERT is enough to enqueue)"
        )

    def _call(self, text: str, **values: Any) -> Call:
        return Call(text.replace("{outbox}", self._outbox), values)

    def _run(self, call: Call) -> Rows:
        return self._pool().run(call)

    # -- in the caller's transaction ---------------------------------------------------------------------------------

    def join(self, caller: Caller, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `shelf.Shelf.join`."""
        self._pool()
        try:
            yield from self._checked(caller)
        except Refused as error:
            raise self._told(error) from error.__cause__
        return (yield from self.adding(jobs))

    def adding(self, jobs: Sequence[JobRecord]) -> Steps[list[JobRecord]]:
        """See `shelf.Shelf.adding`."""
        try:
            yield self._insert(jobs)
        except Refused as error:
            raise self._told(error) from error.__cause__
        return list(jobs)

    def looking(self, ids: Sequence[str]) -> Call:
        """See `shelf.Shelf.looking`."""
        return self._call("SELECT id, job FROM {outbox} WHERE id = ANY (%(ids)s::text[])", ids=texts(ids))

    def dropping(self, ids: Sequence[str]) -> Call:
        """See `shelf.Shelf.dropping`."""
        return self._call("DELETE FROM {outbox} WHERE id = ANY (%(ids)s::text[])", ids=texts(ids))

    def _checked(self, caller: Caller) -> Steps[None]:
        visiting.refuse_dialect(caller, self._location)
        caller.check()
        if _known.get(caller.handle) == self._mark:
            return
        if (yield Call(_FIND, {"table": self._table})) != [(self._mark,)]:
            raise (yield from visiting.elsewhere(self._location, "the outbox", "outbox="))
        _known[caller.handle] = self._mark

    def _insert(self, jobs: Sequence[JobRecord]) -> Call:
        if len(jobs) == 1:
            text = f"INSERT INTO {self._outbox} (id, job) VALUES (%(id)s, %(job)s)"  # noqa: S608
            return Call(text, {"id": jobs[0].id, "job": packed(jobs[0])})
        text = (
            f"INSERT INTO {self._outbox} (id, job) SELECT * FROM unnest(%(ids)s::text[], %(jobs)s::bytea[])"  # noqa: S608
        )
        return Call(text, {"ids": texts([job.id for job in jobs]), "jobs": blobs(map(packed, jobs))})

    def _told(self, error: Refused) -> LongshoreError:
        if isinstance(error.__cause__, Exception) and error.code == "42501":
            return self._forbidden(psycopg.errors.InsufficientPrivilege(str(error)))
        return visiting.told(self._location, error)

    # -- moving ------------------------------------------------------------------------------------------------------

    def take(self, limit: int, add: Callable[[list[Row]], object]) -> list[Row]:
        """See `shelf.Shelf.take`. The rows stay locked meanwhile, so that two movers never take the same ones."""
        text = (
            f"SELECT id, job, moved FROM {self._outbox} ORDER BY id LIMIT %(limit)s "  # noqa: S608
            "FOR UPDATE SKIP LOCKED"
        )
        mark = f"UPDATE {self._outbox} SET moved = true WHERE id = ANY (%(ids)s::text[])"  # noqa: S608

        def work(connection: psycopg.Connection[Any]) -> list[Row]:
            rows = [Row(*row) for row in execute(connection, Call(text, {"limit": limit}))]
            if rows:
                add(rows)
                fresh = [row.id for row in rows if not row.moved]
                if fresh:
                    execute(connection, Call(mark, {"ids": texts(fresh)}))
            return rows

        return self._pool().transaction(work)

    def drop(self, ids: Sequence[str]) -> None:
        """See `shelf.Shelf.drop`."""
        self._run(self.dropping(ids))

    def get(self, ids: Sequence[str]) -> dict[str, bytes]:
        """See `shelf.Shelf.get`."""
        return dict(self._run(self.looking(ids)))

    def backlog(self) -> Backlog:
        """See `shelf.Shelf.backlog`."""
        text = "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp()) - min(created_at), 0)::float8 FROM {outbox}"
        [(count, oldest)] = self._run(self._call(text))
        return Backlog(count, max(0.0, oldest))
